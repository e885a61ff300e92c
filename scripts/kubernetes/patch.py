"""What a change of the split is to a route: JSON patch operations (RFC 6902), decided without a cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes import names, route

PREVIOUS = f"{names.APP}/previous-split"
# RFC 6901: a `/` in a key is written `~1`.
_PREVIOUS_PATH = f"/metadata/annotations/{PREVIOUS.replace('/', '~1')}"

Route = Mapping[str, Any]
Operation = dict[str, Any]


@dataclass(frozen=True)
class Patch:
    """A change of a route.

    Attributes:
        operations: the first tests the split's rule by its name, the second that its backends are those that were read.
        before: weights of the route that it was made for, by Service.
        after: the weights that it leads to.
    """

    operations: Sequence[Operation]
    before: Mapping[str, int]
    after: Mapping[str, int]

    def took(self, now: Route) -> bool:
        """Return whether a route has what this patch leads to, and had it not before."""
        return weights(now) == self.after != self.before


def weights(found: Route) -> dict[str, int]:
    """Return the weights of a route's split, by Service; 1 is the API's default."""
    return {backend["name"]: backend.get("weight", 1) for backend in _split(found).get("backendRefs", [])}


def reweighted(found: Route, after: Mapping[str, int], remember: str) -> Patch:
    """Return the change of a route to other weights of the same Services.

    Args:
        found: the route.
        after: weights by Service.
        remember: the split that it has, in words, for `make rollback`.
    """
    return Patch([*_to(found, after), _annotated(found, remember)], weights(found), after)


def with_version(found: Route, service: str, pin: Mapping[str, Any]) -> Patch:
    """Return the change of a route by one more Service without weight, and by the rule that leads to it alone."""
    after = {**weights(found), service: 0}
    operations = _to(found, after)
    rules = found["spec"]["rules"]
    if pin["name"] not in [rule.get("name") for rule in rules]:
        # Last, because the other operations count the rules as they were found; in front of the split, as rendered.
        place = route.index(rules, names.SPLIT)
        operations.append({"op": "add", "path": f"/spec/rules/{place}", "value": dict(pin)})
    return Patch(operations, weights(found), after)


def back(now: Route, found: Route) -> list[Operation]:
    """Return the operations that make of a route what it was, if it still is what it is now."""
    operations: list[Operation] = [
        {"op": "test", "path": "/spec/rules", "value": now["spec"]["rules"]},
        {"op": "replace", "path": "/spec/rules", "value": found["spec"]["rules"]},
    ]
    remembered = previous(found)
    if remembered is not None:
        operations.append({"op": "add", "path": _PREVIOUS_PATH, "value": remembered})
    elif previous(now) is not None:
        operations.append({"op": "remove", "path": _PREVIOUS_PATH})
    return operations


def previous(found: Route) -> str | None:
    """Return the split that a route had before its last change, in words; None where none is written down."""
    words = found["metadata"].get("annotations", {}).get(PREVIOUS)
    return None if words is None else str(words)


def _to(found: Route, after: Mapping[str, int]) -> list[Operation]:
    rule = f"/spec/rules/{route.index(found['spec']['rules'], names.SPLIT)}"
    there = _split(found).get("backendRefs")
    if not there:
        raise UserError(f"the route's rule {names.SPLIT} has no backends; apply the overlay first.")
    return [
        {"op": "test", "path": f"{rule}/name", "value": names.SPLIT},
        {"op": "test", "path": f"{rule}/backendRefs", "value": there},
        {"op": "replace", "path": f"{rule}/backendRefs", "value": route.backends(after)},
    ]


def _annotated(found: Route, words: str) -> Operation:
    if "annotations" not in found["metadata"]:
        return {"op": "add", "path": "/metadata/annotations", "value": {PREVIOUS: words}}
    return {"op": "add", "path": _PREVIOUS_PATH, "value": words}


def _split(found: Route) -> Mapping[str, Any]:
    rules: Sequence[Mapping[str, Any]] = found["spec"]["rules"]
    return rules[route.index(rules, names.SPLIT)]
