"""Whether a Gateway has taken a route: of this generation, all of them, in time."""

from pathlib import Path
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.kubernetes.acceptance import conditions, wait_accepted
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.kubectl import Kubectl
from tests.kubernetes.api import Api
from tests.kubernetes.commands import KUBECTL, route


def parent(generation: int, accepted: str = "True") -> dict[str, Any]:
    said = {"status": accepted, "observedGeneration": generation}
    return {"conditions": [{"type": kind, **said} for kind in ("Accepted", "ResolvedRefs")]}


def of(*parents: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"parents": list(parents)}}


def test_what_was_said_of_the_route_before_does_not_count() -> None:
    assert conditions(of(parent(3)), generation=4) == []
    assert len(conditions(of(parent(4)), generation=4)) == 2


def test_a_gateway_that_has_not_spoken_yet_is_waited_for() -> None:
    assert conditions({}, generation=1) == []
    assert conditions(of(parent(4), parent(3)), generation=4) == []
    assert conditions(of(parent(4), {"conditions": parent(4)["conditions"][:1]}), generation=4) == []


def test_a_route_that_no_gateway_looks_at_is_an_error_in_the_end(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in api.environment.items():
        monkeypatch.setenv(name, value)
    api.ignore_routes()
    api.put(route())
    cluster = Cluster(tmp_path, Kubectl(str(KUBECTL), context="stub", namespace="default"))
    with pytest.raises(UserError, match=r"no Gateway in .* has said within 0 s that it takes the route"):
        wait_accepted(cluster, generation=1, timeout_s=0.2)
