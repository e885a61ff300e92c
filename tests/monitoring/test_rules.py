"""Alerts that fire when they should, and a page that says what to do then."""

import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from scripts.serving.monitoring import FOLDER, RULES
from scripts.serving.places import REPOSITORY
from tests.monitoring.documents import ALERTS, ALL, QUERIES, RUNBOOK, described, metrics


@pytest.mark.operations
def test_every_alert_fires_and_stays_silent_as_its_cases_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on the PATH")
    for words in (["check", "rules", str(RULES)], ["test", "rules", str(FOLDER / "rules.test.yaml")]):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = [
        (test["alertname"], bool(test["exp_alerts"]))
        for case in YAML(typ="safe").load(FOLDER / "rules.test.yaml")["tests"]
        for test in case["alert_rule_test"]
    ]
    assert set(cases) == {(alert, fires) for alert in ALERTS for fires in (True, False)}


def test_every_alert_leads_to_its_entry_in_the_runbook_and_every_entry_has_its_alert() -> None:
    headings = re.findall(r"^## (\w+)$", RUNBOOK, flags=re.MULTILINE)
    assert sorted(headings) == sorted(ALERTS)
    for name, alert in ALERTS.items():
        assert alert["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert alert["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("alert", ALERTS)
def test_every_entry_says_what_it_means_how_to_look_and_what_to_do(alert: str) -> None:
    entry = RUNBOOK.split(f"\n## {alert}\n")[1].split("\n## ")[0]
    assert [part for part in ("**Means.**", "**Look.**", "**Do.**") if part not in entry] == []


def test_the_latency_that_calls_somebody_is_the_one_that_load_tests_allow() -> None:
    thresholds = YAML(typ="safe").load(REPOSITORY / "load_tests" / "thresholds.yaml")
    assert ALERTS["LatencyIsHigh"]["expr"].endswith(f"> {thresholds['p95_ms']}")


def test_every_metric_that_a_rule_or_a_panel_asks_for_is_described() -> None:
    expressions = [*(rule["expr"] for rule in ALL), *(expression for _, expression in QUERIES)]
    # A histogram is described under its own name; `up` is Prometheus' own.
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for each in expressions for name in metrics(each)} - {"up"}
    assert len(asked) > 10
    assert asked <= described()
