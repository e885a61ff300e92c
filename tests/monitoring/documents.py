"""The committed rules, dashboard and pages, as the tests read them."""

import json
import re
from typing import Any

from ruamel.yaml import YAML

from scripts.serving.monitoring import FOLDER, RULES
from scripts.serving.places import REPOSITORY

GROUPS = YAML(typ="safe").load(RULES)["groups"]
ALL = [rule for group in GROUPS for rule in group["rules"]]
ALERTS: dict[str, Any] = {rule["alert"]: rule for rule in ALL if "alert" in rule}
RECORDED: dict[str, str] = {rule["record"]: rule["expr"] for rule in ALL if "record" in rule}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
QUERIES = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
METRICS_PAGE = (REPOSITORY / "docs" / "metrics.md").read_text(encoding="utf-8")
RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")

_NAME = re.compile(r"\b(?:envoy_\w+|ts_\w+|release_\w+|[A-Z][a-z]+[A-Z]\w+|Images|up)\b(?=[{\[) ]|$)")


def metrics(expression: str) -> set[str]:
    """Return the exporters' metrics that an expression asks for."""
    # Without what is in quotes, and without the labels that are grouped by.
    return set(_NAME.findall(re.sub(r'"[^"]*"|\b(by|on|group_left) \([^)]*\)', "", expression)))


def described() -> set[str]:
    """Return the metrics that the tables of docs/metrics.md describe."""
    cells = re.findall(r"^\| (`[^|]+) \|", METRICS_PAGE, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
