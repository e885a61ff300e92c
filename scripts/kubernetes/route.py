"""The HTTPRoute: the split and the pins of traffic.yaml, as the local edge has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes import names
from scripts.serving.traffic import Shadow, Traffic

KIND = "HTTPRoute"
API_VERSION = "gateway.networking.k8s.io/v1"
# Of the HTTPRoute's own schema: rules of a route, backends of a rule.
_MOST_RULES = 16
_PORT = 80
PIN_HEADER = "x-model-version"
# As in deploy/edge/routes.yaml.j2; tests/kubernetes/test_agreement.py holds one to the other.
_ASKED_FOR = ("predictions", "explanations")


def httproute(traffic: Traffic, model: str) -> dict[str, Any]:
    """Return the route of `traffic`, without its shadow.

    Args:
        traffic: traffic.yaml.
        model: the served name.

    Raises:
        UserError: there are more versions than a route has room for.
    """
    # A shadow's version may not be in the split: its pin comes with it.
    rules = [pin(version, traffic, model) for version in traffic.split]
    rules.append(
        {
            "name": names.SPLIT,
            # Everything: the pods' edge answers 404 and 405, in the contract's JSON, as it does on a laptop.
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "backendRefs": backends({names.of(version): weight for version, weight in traffic.split.items()}),
            "timeouts": _timeouts(traffic),
        }
    )
    # One more for a shadow's pin.
    if len(rules) + 1 > _MOST_RULES:
        raise UserError(
            f"traffic.yaml: {len(traffic.split)} versions need more rules than the {_MOST_RULES} of an HTTPRoute; "
            "take out versions that have no weight any more."
        )
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": names.CLASSIFIER},
        "spec": {"parentRefs": [{"name": names.CLASSIFIER}], "rules": rules},
    }


def pin(version: str, traffic: Traffic, model: str) -> dict[str, Any]:
    """Return the rule that leads to `version`: by a path of its own, or by the header x-model-version at a split's."""
    own = [f"/{asked_for}/{model}" for asked_for in _ASKED_FOR]
    matches: list[dict[str, Any]] = [
        {"path": {"type": "Exact", "value": f"{path}/{version}"}, "method": "POST"} for path in own
    ]
    matches += [
        {
            "path": {"type": "Exact", "value": path},
            "headers": [{"type": "Exact", "name": PIN_HEADER, "value": version}],
            "method": "POST",
        }
        for path in [*own, f"/v1/models/{model}:predict"]
    ]
    return {
        "name": names.pin(version),
        "matches": matches,
        "backendRefs": backends({names.of(version): 1}),
        "timeouts": _timeouts(traffic),
    }


def backends(weights: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the backends of a rule, by weights of Services; a weight of 0 gets nothing, and keeps its place."""
    return [{"name": service, "port": _PORT, "weight": weight} for service, weight in weights.items()]


def mirror(shadow: Shadow) -> dict[str, Any]:
    """Return the filter that copies a share of a rule's requests to the shadow's version."""
    backend = {"name": names.of(shadow.version), "port": _PORT}
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend, "percent": shadow.percent}}


def index(rules: Sequence[Mapping[str, Any]], name: str) -> int:
    """Return the place of the rule called `name`.

    Raises:
        UserError: there is none.
    """
    for place, rule in enumerate(rules):
        if rule.get("name") == name:
            return place
    raise UserError(f"the route has no rule called {name}; `make kubernetes` and apply what it renders.")


def _timeouts(traffic: Traffic) -> dict[str, str]:
    return {"request": f"{traffic.edge.timeout_s}s"}
