"""The Prometheus beside a server: its configuration, and what is said where it can't be started."""

import os
import re
import socket
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scripts.errors import UserError
from scripts.serving.monitoring import RULES, Prometheus, render
from scripts.serving.places import Ports


def test_the_configuration_names_the_servers_ports_and_the_rules() -> None:
    document = YAML(typ="safe").load(render(Ports(metrics=18082, admin=19901, exporter=18083), "pets"))
    assert {job["job_name"]: job["static_configs"][0]["targets"] for job in document["scrape_configs"]} == {
        "torchserve": ["127.0.0.1:18082"],
        "envoy": ["127.0.0.1:19901"],
        "release": ["127.0.0.1:18083"],
    }
    assert document["rule_files"] == [str(RULES)]
    assert RULES.is_file()


def test_the_version_is_found_in_a_workers_name_though_both_it_and_the_model_have_underscores() -> None:
    document = YAML(typ="safe").load(render(Ports(), "mobilenet_v3"))
    [rule] = [
        rule
        for rule in document["scrape_configs"][0]["metric_relabel_configs"]
        if rule.get("source_labels") == ["WorkerName"]
    ]
    match = re.fullmatch(rule["regex"], "W-9000-mobilenet_v3_2.0_rc-1")
    assert match
    assert match[1] == "2.0_rc-1"


def test_without_prometheus_it_says_how_to_get_it_and_what_works_without(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"apt-get install prometheus.*make status WATCH=1"):
        Prometheus.find(tmp_path, {"PATH": str(tmp_path)})


@pytest.fixture
def pretended(tmp_path: Path) -> str:
    """Return a PATH with a prometheus that refuses everything."""
    program = tmp_path / "bin" / "prometheus"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no such flag\nexit 2\n")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def test_a_taken_port_is_named_with_its_variable(tmp_path: Path, pretended: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        with pytest.raises(UserError, match=rf"port {port} \(prometheus\) .* is taken by .* set PROMETHEUS_PORT"):
            Prometheus.find(tmp_path, {"PATH": pretended, "PROMETHEUS_PORT": port})


def test_one_that_does_not_come_up_is_reported_with_its_last_words(tmp_path: Path, pretended: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    prometheus = Prometheus.find(tmp_path, {"PATH": pretended, "PROMETHEUS_PORT": port})
    with pytest.raises(UserError, match=r"prometheus does not come up; its last words: 'no such flag'; see .*\.log"):
        prometheus.start(render(Ports(), "mobilenet_v3"))
