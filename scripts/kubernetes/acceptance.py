"""Whether the Gateway's controller has taken a route."""

import time
from collections.abc import Mapping
from typing import Any

from scripts.errors import UserError
from scripts.kubernetes.cluster import Cluster

ACCEPTED_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.3
# https://gateway-api.sigs.k8s.io/reference/spec/: RouteConditionType
_CONDITIONS = {"Accepted", "ResolvedRefs"}


def wait_accepted(cluster: Cluster, generation: int, timeout_s: float = ACCEPTED_WITHIN_S) -> None:
    """Return when every Gateway that the route names has taken this generation of it.

    Raises:
        UserError: one refuses it, with its reason, or has not said anything in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() > deadline
        try:
            verdict = accepted(cluster.route(), generation)
        except Refused as error:
            raise UserError(f"the Gateway in {cluster.where()} refuses the route ({error}).") from None
        except UserError:
            # An API server that is busy for a moment has not said anything about the route.
            if late:
                raise
            verdict = False
        if verdict:
            return
        if late:
            raise UserError(
                f"no Gateway in {cluster.where()} has said within {timeout_s:.0f} s that it takes the route; "
                "is its controller running, and does spec.parentRefs name it?"
            )
        time.sleep(_LOOK_EVERY_S)


class Refused(Exception):
    """A Gateway does not take a route; its reasons are the text."""


def accepted(found: Mapping[str, Any], generation: int) -> bool:
    """Return whether every parent of a route has taken this generation of it, or a later one.

    Raises:
        Refused: one has said no.
    """
    said = found.get("status", {}).get("parents", [])
    return all([_takes(parent, said, generation) for parent in found["spec"].get("parentRefs", [])])


def _takes(parent: Mapping[str, Any], said: list[Mapping[str, Any]], generation: int) -> bool:
    """Return whether one of those who spoke for this parent takes the route.

    There may be several: what a controller said that is not there any more stays.
    """
    refusals = []
    for one in said:
        if not _is_of(one["parentRef"], parent):
            continue
        words = [each for each in one.get("conditions", []) if each["type"] in _CONDITIONS]
        if len(words) < len(_CONDITIONS) or any(each.get("observedGeneration", 0) < generation for each in words):
            continue
        if all(each["status"] == "True" for each in words):
            return True
        refusals += [each for each in words if each["status"] == "False"]
    if refusals:
        raise Refused("; ".join(f"{each['type']}: {each.get('reason')}: {each.get('message')}" for each in refusals))
    return False


def _is_of(said: Mapping[str, Any], parent: Mapping[str, Any]) -> bool:
    pairs = [(said.get(key), parent.get(key)) for key in ("name", "namespace", "sectionName", "port")]
    # Controllers may write out what the route leaves to its default.
    return all(one == other or None in (one, other) for one, other in pairs)
