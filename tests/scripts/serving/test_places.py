"""Ports and folders from the environment."""

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.serving import ports
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY, Places, Ports


def test_without_variables_everything_lies_in_the_repository() -> None:
    places = Places.from_environment({})
    assert places.run == REPOSITORY / "run"
    assert places.archive("m", "1.0") == REPOSITORY / "model_store" / "m-1.0.mar"


def test_each_port_has_its_variable() -> None:
    names = Ports().tcp()
    environment = {f"{name.upper()}_PORT": str(20000 + number) for number, name in enumerate(names)}
    assert list(Ports().overridden(environment).tcp().values()) == [20000 + number for number in range(len(names))]


@pytest.mark.parametrize("value", ["0", "65536", "eighty", "", "-1", "8080.0"])
def test_what_is_no_port_is_refused_with_the_variable(value: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"EDGE_PORT={value} is no port")):
        Ports().overridden({"EDGE_PORT": value})


def test_two_ports_may_not_be_the_same() -> None:
    with pytest.raises(UserError, match="ADMIN_PORT and METRICS_PORT are both 8082"):
        ports.require_free(Ports(edge=1, inference=2, management=3, admin=8082).tcp(), "127.0.0.1")


def test_a_taken_port_is_named_with_its_holder() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        sentence = rf"port {port} \(admin\) on 127\.0\.0\.1 is taken by .*\(pid {os.getpid()}\).* ADMIN_PORT"
        with pytest.raises(UserError, match=sentence):
            ports.require_free(free_but(port).tcp(), "127.0.0.1")


def free_but(admin: int) -> Ports:
    sockets = [socket.socket() for _ in range(6)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return Ports(*numbers, admin=admin)


def test_a_version_that_gets_traffic_needs_a_worker(tmp_path: Path) -> None:
    (tmp_path / "traffic.yaml").write_text('split: {"1.0": 100}\n')
    (tmp_path / "config.properties").write_text(
        'max_request_size=20000000\nmodels={"mobilenet_v3": {"1.0": {"minWorkers": 0}}}\n'
    )
    environment = {"TRAFFIC": str(tmp_path / "traffic.yaml"), "CONFIG": str(tmp_path / "config.properties")}
    with pytest.raises(UserError, match=r"mobilenet_v3 1\.0: minWorkers is 0, but traffic\.yaml names the version"):
        Installation.read(environment)


def test_the_two_files_have_to_fit_together(tmp_path: Path) -> None:
    (tmp_path / "traffic.yaml").write_text('split: {"1.0": 100}\nedge: {max_body_bytes: 17000000}\n')
    environment = {"TRAFFIC": str(tmp_path / "traffic.yaml")}
    with pytest.raises(UserError, match=r"`max_request_size` \(16777216\) is below `edge.max_body_bytes`"):
        Installation.read(environment)


def test_an_edge_on_every_address_is_reached_by_loopback() -> None:
    wanted = Installation.read({"EDGE_ADDRESS": "0.0.0.0", "EDGE_PORT": "8123"})
    assert (wanted.traffic.edge.address, wanted.url) == ("0.0.0.0", "http://127.0.0.1:8123")


def test_model_chooses_the_served_name_and_elpv_is_the_default() -> None:
    assert Installation.read({}).spec.name == Installation.read({"MODEL": ""}).spec.name == "mobilenet_v3"
    chosen = Installation.read({"MODEL": "imagenet"})
    assert (chosen.model, chosen.spec.name, chosen.restart) == (
        "imagenet",
        "imagenet",
        "make stop start MODEL=imagenet",
    )


def test_a_model_that_does_not_exist_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        UserError, match=r"models/nothing/spec\.yaml: no such spec; the models here are: elpv, .*imagenet"
    ):
        Installation.read({"MODEL": "nothing"})


def test_an_archive_with_other_labels_than_the_spec_has_is_not_served(int8_archive: Path) -> None:
    wanted = Installation.read({"MODEL_STORE": str(int8_archive.parent.resolve())})
    assert wanted.verified("2.0").labels == wanted.spec.labels
    anew = replace(wanted, spec=wanted.spec.model_copy(update={"labels": ("cat", "dog")}))
    says = r"mobilenet_v3-2\.0\.mar: its labels are not those of .*/models/elpv/spec\.yaml; build it again with `"
    with pytest.raises(UserError, match=rf"{says}make archive VERSION=2\.0 PRECISION=int8`"):
        anew.verified("2.0")
    with pytest.raises(UserError, match=r"`make archive MODEL=pets VERSION=2\.0 PRECISION=int8`"):
        replace(anew, model="pets").verified("2.0")


def test_serving_does_not_import_torch() -> None:
    """It takes seconds, and longer on a busy machine; only the workers and the pipeline need it."""
    code = "import sys, scripts.serve, scripts.start, scripts.predict; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def test_one_key_has_two_requests_under_way_for_each_worker_that_has_traffic(tmp_path: Path) -> None:
    (tmp_path / "traffic.yaml").write_text('split: {"1.0": 100, "2.0": 0}\n')
    assert Installation.read({}).share == 4
    assert Installation.read({"TRAFFIC": str(tmp_path / "traffic.yaml")}).share == 2
