"""Whether a Gateway has taken a route: of this generation, all of them, in time."""

from pathlib import Path
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.kubernetes.acceptance import Refused, accepted, wait_accepted
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.kubectl import Kubectl
from tests.kubernetes.api import Api
from tests.kubernetes.examples import route

pytestmark = pytest.mark.operations


def parent(generation: int, accepted: str = "True", name: str = "classifier") -> dict[str, Any]:
    said = {"status": accepted, "observedGeneration": generation, "reason": "because", "message": "of this"}
    return {
        "parentRef": {"name": name},
        "conditions": [{"type": kind, **said} for kind in ("Accepted", "ResolvedRefs")],
    }


def of(*parents: dict[str, Any], names: tuple[str, ...] = ("classifier",)) -> dict[str, Any]:
    return {"spec": {"parentRefs": [{"name": name} for name in names]}, "status": {"parents": list(parents)}}


def test_what_was_said_of_the_route_before_does_not_count() -> None:
    assert not accepted(of(parent(3)), generation=4)
    assert not accepted(of(parent(3, "False")), generation=4)
    assert accepted(of(parent(4)), generation=4)


def test_every_gateway_that_the_route_names_has_to_speak() -> None:
    assert not accepted(of(), generation=1)
    assert not accepted(of(parent(1), names=("classifier", "other")), generation=1)
    assert accepted(of(parent(1), parent(1, name="other"), names=("classifier", "other")), generation=1)
    half = parent(1) | {"conditions": parent(1)["conditions"][:1]}
    assert not accepted(of(half), generation=1)


def test_what_a_controller_said_that_is_gone_does_not_count_against_the_one_that_is_there() -> None:
    assert accepted(of(parent(3), parent(4)), generation=4)
    assert accepted(of(parent(4, "False"), parent(4)), generation=4)


def test_a_refusal_has_its_reason() -> None:
    with pytest.raises(Refused, match="Accepted: because: of this"):
        accepted(of(parent(4, "False")), generation=4)


def test_a_route_that_no_gateway_looks_at_is_an_error_in_the_end(api: Api, kubectl: Kubectl, tmp_path: Path) -> None:
    api.ignore_routes()
    labelled = route()
    labelled["metadata"]["labels"]["app.kubernetes.io/instance"] = "overlay"
    api.put(labelled)
    cluster = Cluster(tmp_path / "overlay", kubectl, "TARGET=kubernetes")
    with pytest.raises(UserError, match=r"no Gateway in .* has said within 0 s that it takes the route"):
        wait_accepted(cluster, generation=1, timeout_s=0.2)
