"""A version's pod on the image's tree: its containers as the image's user, with nothing but volumes to write to."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from scripts.pod import drain
from tests.image.container import WHO_MAY_BECOME_ANOTHER_USER
from tests.image.steps import Image, loader
from tests.image.written import Snapshot, elsewhere
from tests.kubernetes.pod import rendered
from tests.kubernetes.pod.callers import IMAGE, PATH, posting
from tests.kubernetes.pod.kubelet import Kubelet
from tests.kubernetes.pod.tree import Tree

pytestmark = pytest.mark.image

VERSION = "2.0"


def tree(image: Image) -> Tree:
    machine = {"PATH": image.environment["PATH"], **loader(image.root)}
    return Tree(image.root, image.python, image.working, machine, as_user=WHO_MAY_BECOME_ANOTHER_USER)


@pytest.fixture(scope="module")
def folder(image_folder: Path) -> Iterator[Path]:
    made = image_folder / "pod"
    made.mkdir()
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def pod(image: Image, as_built: Snapshot, folder: Path, float32_archive: Path, int8_archive: Path) -> Iterator[Kubelet]:
    digests = rendered.digests(float32_archive, int8_archive)
    made = Kubelet(rendered.local(folder / "kubernetes", digests, VERSION), tree(image), folder / "pod")
    try:
        made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="module")
def not_to_change(pod: Kubelet) -> Snapshot:
    """Return the volumes once the archive is there, but for those that TorchServe's container may write to."""
    mounts = pod.pod.container("torchserve").volume_mounts
    may = tuple(pod.volumes.path(mount.name) for mount in mounts if not mount.read_only)
    return Snapshot.of(pod.volumes.path("files").parent, may)


def predict(pod: Kubelet, cell: bytes) -> requests.Response:
    return requests.post(pod.url + PATH, data=cell, headers=IMAGE, timeout=60)


def running(pod: Kubelet) -> list[psutil.Process]:
    return [process for container in pod.containers.values() for process in container.processes()]


def test_the_archive_in_the_image_is_the_one_that_answers(
    pod: Kubelet, not_to_change: Snapshot, image: Image, cell: bytes
) -> None:
    assert pod.ready()
    answer = predict(pod, cell)
    assert (answer.status_code, answer.json()["version"]) == (200, VERSION), answer.text
    assert f"{pod.volumes.path('archives')}" in pod.containers["archive"].output


def test_the_manifests_user_is_the_images(pod: Kubelet, image: Image) -> None:
    assert pod.pod.spec.security_context.run_as_user == image.user


@pytest.mark.skipif(not WHO_MAY_BECOME_ANOTHER_USER, reason="only root can become the image's user")
def test_every_process_is_the_images_user_and_has_no_other_group(pod: Kubelet, image: Image) -> None:
    processes = running(pod)
    assert len(processes) == 4, "Envoy, the supervisor, TorchServe and its worker"
    for process in processes:
        assert set(process.uids()) == set(process.gids()) == {image.user}
        assert "Groups:\t \n" in Path(f"/proc/{process.pid}/status").read_text()


def test_a_failed_liveness_probe_brings_torchserve_back_on_the_same_volumes(pod: Kubelet, cell: bytes) -> None:
    ended = pod.restart("torchserve")
    assert (ended.hooks, ended.statuses) == ({"torchserve": (0, "")}, {"torchserve": 0})
    assert drain.SETTLE_S <= ended.seconds < pod.pod.spec.termination_grace_period_seconds
    assert pod.becomes_ready(within_s=10)
    assert pod.alive() == {"edge": True, "torchserve": True}
    assert predict(pod, cell).status_code == 200


def test_no_volume_is_more_than_half_full(pod: Kubelet) -> None:
    for volume in pod.pod.spec.volumes:
        if volume.empty_dir:
            assert pod.volumes.size(volume) < volume.limit_bytes / 2, volume.name


def test_it_ends_in_order_under_load_and_all_that_is_written_is_in_writable_volumes(
    pod: Kubelet, not_to_change: Snapshot, as_built: Snapshot, image: Image, cell: bytes
) -> None:
    with posting(pod, cell) as answers:
        time.sleep(2)
    assert {each.status for each in answers} == {200}
    start_s = min(process.create_time() for process in running(pod))
    ended = pod.end()
    assert (ended.hooks, ended.statuses) == ({"torchserve": (0, "")}, {"torchserve": 0, "edge": 0})
    assert running(pod) == []
    assert as_built.changed() == []
    assert not_to_change.changed() == []
    assert list(pod.home.iterdir()) == []
    if WHO_MAY_BECOME_ANOTHER_USER:
        assert elsewhere(image.user, start_s, but=image.root.parent) == []
