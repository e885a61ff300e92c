"""Whether the Gateway's controller has taken a route."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes.cluster import Cluster

ACCEPTED_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.3
# https://gateway-api.sigs.k8s.io/reference/spec/: RouteConditionType
_CONDITIONS = ("Accepted", "ResolvedRefs")


def wait_accepted(cluster: Cluster, generation: int, timeout_s: float = ACCEPTED_WITHIN_S) -> None:
    """Return when every Gateway of the route has taken this generation of it.

    Raises:
        UserError: one refuses it, with its reason, or none has said anything in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        said = conditions(cluster.route(), generation)
        refusals = [one for one in said if one["status"] == "False"]
        if refusals:
            words = "; ".join(f"{one['type']}: {one.get('reason')}: {one.get('message')}" for one in refusals)
            raise UserError(f"the Gateway in {cluster.where()} refuses the route ({words}).")
        if said and all(one["status"] == "True" for one in said):
            return
        if time.monotonic() > deadline:
            raise UserError(
                f"no Gateway in {cluster.where()} has said within {timeout_s:.0f} s that it takes the route; "
                "is its controller running, and does spec.parentRefs name it?"
            )
        time.sleep(_LOOK_EVERY_S)


def conditions(found: Mapping[str, Any], generation: int) -> list[Mapping[str, Any]]:
    """Return what Gateways say of this generation of a route, or a later one; empty until all of them have spoken."""
    parents = found.get("status", {}).get("parents", [])
    said = list(_said(parents))
    if any(one.get("observedGeneration", 0) < generation for one in said):
        return []
    return said if len(said) == len(parents) * len(_CONDITIONS) else []


def _said(parents: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for parent in parents:
        yield from (one for one in parent.get("conditions", []) if one["type"] in _CONDITIONS)
