"""Every overlay keeps every policy, as committed and with other versions."""

from pathlib import Path

import pytest

from tests.kubernetes import built, policies
from tests.kubernetes.built import Object
from tests.kubernetes.policies import Policy, test_pods, test_references, test_versions

BROKEN = [*test_pods.BROKEN, *test_versions.BROKEN, *test_references.BROKEN]


@pytest.mark.parametrize("policy", policies.ALL, ids=lambda policy: policy.__name__)
def test_the_manifests_have_no(policy: Policy, overlay: list[Object]) -> None:
    assert policy(overlay) == []


def test_every_policy_is_shown_to_fail() -> None:
    assert {case[0] for case in BROKEN} == set(policies.ALL)


@pytest.mark.parametrize(
    "traffic",
    [
        'split: {"1.0": 0, "2.0": 0, "3.0-rc.1": 100}',
        'split: {"1.0": 90, "2.0": 10}\nshadow: {version: "2.0", percent: 5}',
        'split: {"1.0": 90, "2.0": 10}\nshadow: {version: "3.0"}\nedge: {timeout_s: 120}',
    ],
    ids=["three versions", "a shadow in the split", "a shadow apart"],
)
def test_other_versions_keep_every_policy(tmp_path: Path, traffic: str) -> None:
    copied = built.changed_copy(tmp_path, built.rendered(built.installation(tmp_path, traffic)))
    for name in built.OVERLAYS:
        objects = built.kustomize(copied / "overlays" / name)
        assert len(built.of_kind(objects, "Deployment")) == (3 if "3.0" in traffic else 2)
        assert {each.__name__: said for each in policies.ALL if (said := each(objects))} == {}
