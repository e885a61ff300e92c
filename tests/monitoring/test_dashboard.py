"""The dashboard's queries, asked of a real Prometheus that watches a real server under real traffic."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from scripts.serving import processes
from tests.integration.server import Server
from tests.monitoring.conftest import note_canary
from tests.monitoring.documents import DASHBOARD, QUERIES, RECORDED

pytestmark = pytest.mark.operations

Query = Callable[[str], list[dict[str, Any]]]
VERSIONS = {"1.0", "2.0"}
# Two looks a second apart are a rate, and Envoy counts its histograms together every five seconds.
PATIENCE_S = 60
WINDOW = "30s"


@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_no_panel_is_empty(query: Query, title: str, expression: str) -> None:
    asked = expression.replace("$__rate_interval", WINDOW)
    assert "$" not in asked

    def seen() -> bool:
        series = query(asked)
        named = {one["metric"]["version"] for one in series if "version" in one["metric"]}
        numbers = all(one["value"][1] != "NaN" for one in series)
        return bool(series) and numbers and named in (set(), {"2.0"} if "canary" in asked else VERSIONS)

    assert processes.wait_until(seen, PATIENCE_S, pause_s=0.5), (title, asked, query(asked))


@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize("record", RECORDED)
def test_every_recording_rule_yields_a_series(query: Query, record: str) -> None:
    def seen() -> bool:
        series = query(record)
        versions = {one["metric"].get("version") for one in series}
        return versions == (VERSIONS if record.startswith("version:") else {None})

    assert processes.wait_until(seen, PATIENCE_S, pause_s=0.5), (record, query(record))


@pytest.mark.usefixtures("traffic")
def test_no_alert_fires_while_all_is_well(query: Query) -> None:
    assert processes.wait_until(lambda: query("up == 1"), PATIENCE_S)
    assert query('ALERTS{alertstate="firing"}') == []


@pytest.mark.usefixtures("traffic")
def test_a_canary_that_is_rolled_back_calls_somebody(server: Server, query: Query) -> None:
    called = 'ALERTS{alertname="CanaryRolledBack", alertstate="firing", severity="ticket", version="2.0"}'
    assert processes.wait_until(lambda: query("release_canary_state == 1"), PATIENCE_S)
    assert query(called) == []
    note_canary(server, "rolled back")
    try:
        assert processes.wait_until(lambda: query(called), PATIENCE_S, pause_s=0.5)
    finally:
        note_canary(server, "step")
    assert processes.wait_until(lambda: not query(called), PATIENCE_S, pause_s=0.5)


def test_every_panel_has_a_unit_an_explanation_and_the_data_source_that_is_chosen() -> None:
    [variable] = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    for panel in DASHBOARD["panels"]:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_no_panel_lies_on_another() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))

    taken = [cell for panel in DASHBOARD["panels"] for cell in cells(panel)]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
