"""Components that change pods, in an overlay of their own; what no committed overlay has is built here only."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes import built, policies, test_core
from tests.kubernetes.built import Object
from tests.kubernetes.policies import workloads

OVERLAY = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: mobilenet-v3
resources: [namespace.yaml, ../../base]
components: [{components}]
images: [{{name: mobilenet, newName: registry.example.com/mobilenet, newTag: "0.1.0"}}]
"""


def overlay_of(folder: Path, *components: str) -> list[Object]:
    """Return the objects of an overlay of these components, in a copy of the manifests."""
    copied = Path(shutil.copytree(built.FOLDER, folder / "kubernetes"))
    overlay = copied / "overlays" / "here"
    overlay.mkdir()
    shutil.copy(copied / "overlays" / "local" / "namespace.yaml", overlay)
    named = ", ".join(f"../../components/{name}" for name in components)
    (overlay / "kustomization.yaml").write_text(OVERLAY.format(components=named))
    return built.kustomize(overlay)


def source(spec: Any) -> str:
    """Return where a pod's init container takes its archive from."""
    [container] = [each for each in spec["initContainers"] if each["name"] == "archive"]
    [value] = [one["value"] for one in container["env"] if one["name"] == "ARCHIVE_SOURCE"]
    return str(value)


@pytest.fixture
def with_images(tmp_path: Path) -> list[Object]:
    return overlay_of(tmp_path, "image-volumes")


def test_an_image_volume_has_the_versions_archive_and_the_init_container_reads_it(with_images: list[Object]) -> None:
    references = {}
    for name, spec in workloads.pods(with_images):
        [volume] = [each for each in spec["volumes"] if "image" in each]
        references[name] = volume["image"]["reference"]
        assert source(spec) == "/srv/artifact"
        mounts = {
            each["name"]: [mount["mountPath"] for mount in each["volumeMounts"] if mount["name"] == volume["name"]]
            for each in workloads.every_container(spec)
        }
        assert mounts == {"edge": [], "archive": ["/srv/artifact"], "torchserve": []}
    assert references == {
        "classifier-1-0": "registry.example.com/mobilenet/archives:1.0",
        "classifier-2-0": "registry.example.com/mobilenet/archives:2.0",
    }


def test_the_image_that_runs_keeps_its_own_name(with_images: list[Object]) -> None:
    assert {each["image"] for _, each in workloads.containers(with_images)} == {"registry.example.com/mobilenet:0.1.0"}


def test_image_volumes_are_taken_by_kubernetes_1_35(with_images: list[Object]) -> None:
    assert [said for each in workloads.deployments(with_images) if (said := test_core.wrong(each, "1.35"))] == []


def test_image_volumes_keep_every_policy(with_images: list[Object]) -> None:
    assert {each.__name__: said for each in policies.ALL if (said := each(with_images))} == {}


def test_without_a_component_a_pod_takes_the_archive_of_its_own_image(tmp_path: Path) -> None:
    assert {source(spec) for _, spec in workloads.pods(overlay_of(tmp_path))} == {"/srv/mobilenet/model_store"}


def test_an_archive_store_is_where_every_version_looks(tmp_path: Path) -> None:
    objects = overlay_of(tmp_path, "archive-store")
    assert {source(spec) for _, spec in workloads.pods(objects)} == {"https://archives.example.com/mobilenet"}


@pytest.mark.parametrize(
    "name", sorted(path.parent.name for path in built.FOLDER.glob("components/*/kustomization.yaml"))
)
def test_each_component_alone_keeps_every_policy(tmp_path: Path, name: str) -> None:
    objects = overlay_of(tmp_path, name)
    assert {each.__name__: said for each in policies.ALL if (said := each(objects))} == {}


def test_with_the_shadow_apart_each_component_reaches_its_deployment_too(tmp_path: Path) -> None:
    """Whatever the order: a component changes what is there when its turn comes, so the shadow is listed first."""
    text = 'split: {"1.0": 100}\nshadow: {version: "3.0", percent: 5}'
    copied = built.changed_copy(tmp_path, built.rendered(built.installation(tmp_path, text)))
    for name, scaler in (("production", "ScaledObject"), ("staging", "HorizontalPodAutoscaler")):
        objects = built.kustomize(copied / "overlays" / name)
        pods = dict(workloads.pods(objects))
        assert set(pods) == {"classifier-1-0", "classifier-3-0"}
        assert {source(spec) for spec in pods.values()} == {"https://archives.example.com/mobilenet"}
        scaled = built.of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler")
        assert [(each["kind"], each["spec"]["scaleTargetRef"]["name"]) for each in scaled] == [
            (scaler, "classifier-1-0"),
            (scaler, "classifier-3-0"),
        ]
