"""The rules that a cluster gets: the laptop's, as far as they fit, and an alert a version that is away."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.kubernetes.components import dashboard, prometheus_rules
from scripts.serving.places import REPOSITORY
from tests.monitoring.documents import ALERTS, QUERIES, RUNBOOK

VERSIONS = ["1.0", "2.0"]
FIRING = 'ALERTS{alertname="VersionIsAway", alertstate="firing", severity="page", version="1.0"}'


def rules() -> list[dict[str, Any]]:
    return [rule for each in prometheus_rules(VERSIONS) for group in each["spec"]["groups"] for rule in group["rules"]]


def test_every_alert_of_one_machine_is_there_but_those_of_a_servers_address_and_of_the_exporter() -> None:
    of_the_exporter = {name for name, rule in ALERTS.items() if "release_" in rule["expr"]}
    assert len(of_the_exporter) > 3
    there = {rule["alert"] for rule in rules() if "alert" in rule}
    assert there == {*ALERTS, "VersionIsAway"} - {"ServerIsDown"} - of_the_exporter


def test_the_dashboard_has_every_panel_but_those_that_the_exporter_fills() -> None:
    titles = [panel["title"] for panel in json.loads(dashboard())["panels"]]
    filled = dict.fromkeys(title for title, query in QUERIES if "release_" not in query)
    assert titles == list(filled)
    assert "Drift of the answers" not in titles


def test_each_version_has_its_own_and_a_version_that_goes_takes_it_along() -> None:
    own = [each for each in prometheus_rules(VERSIONS) if each["metadata"]["name"] != "classifier"]
    assert [each["metadata"]["labels"]["app.kubernetes.io/version"] for each in own] == VERSIONS
    assert [rule["labels"]["version"] for rule in rules() if rule.get("alert") == "VersionIsAway"] == VERSIONS


def test_the_runbook_has_the_entry_that_the_alert_leads_to() -> None:
    url = next(rule["annotations"]["runbook_url"] for rule in rules() if rule.get("alert") == "VersionIsAway")
    headings = re.findall(r"^## (.*)$", RUNBOOK, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    path, anchor = url.split("#")
    assert ((REPOSITORY / path).is_file(), anchor in anchors) == (True, True)


@pytest.mark.parametrize(
    ("series", "fires"),
    [
        ({}, True),
        ({'envoy_cluster_membership_healthy{version="1.0", pod="a"}': "0x20"}, True),
        ({'envoy_cluster_membership_healthy{version="2.0", pod="b"}': "1x20"}, True),
        ({'envoy_cluster_membership_healthy{version="1.0", pod="a"}': "1x20"}, False),
        (
            {
                'envoy_cluster_membership_healthy{version="1.0", pod="a"}': "0x20",
                'envoy_cluster_membership_healthy{version="1.0", pod="b"}': "1x20",
            },
            False,
        ),
    ],
    ids=["no pod at all", "none ready", "another version's", "ready", "one of two ready"],
)
def test_a_version_is_away_when_no_pod_of_it_is_ready_or_there(
    tmp_path: Path, series: dict[str, str], fires: bool
) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on the PATH")
    for number, each in enumerate(prometheus_rules(VERSIONS)):
        (tmp_path / f"rules-{number}.yaml").write_text(yaml.safe_dump(each["spec"]))
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'ALERTS{alertname="VersionIsAway", version="1.0", alertstate="firing"}',
                "eval_time": "10m",
                "exp_samples": [{"labels": FIRING, "value": 1}] if fires else [],
            }
        ],
    }
    files = [str(path) for path in sorted(tmp_path.glob("rules-*.yaml"))]
    (tmp_path / "test.yaml").write_text(json.dumps({"rule_files": files, "evaluation_interval": "1m", "tests": [case]}))
    done = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "test.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
