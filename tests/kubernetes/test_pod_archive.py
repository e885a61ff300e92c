"""The container that brings the archive: the right one, or none and a sentence."""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest
import requests

from tests.integration.server import free_ports
from tests.kubernetes.conftest import VERSION, Make
from tests.kubernetes.pod.kubelet import Failed, Kubelet
from tests.kubernetes.pod.rendered import Component
from tests.kubernetes.pod.store import serving

pytestmark = pytest.mark.operations

NOT_ITS_DIGEST = "0" * 64


def in_store(pod: Kubelet) -> list[Path]:
    return list(pod.volumes.path("archives").iterdir())


def taken(pod: Kubelet, archive: Path) -> bool:
    """Return whether an archive is in the pod's store, with its digest and nothing else."""
    assert {path.name for path in in_store(pod)} == {archive.name, f"{archive.name}.sha256"}
    return (pod.volumes.path("archives") / archive.name).read_bytes() == archive.read_bytes()


def refused(pod: Kubelet) -> str:
    """Return the one sentence with which the container ended, having left nothing."""
    with pytest.raises(Failed, match="exit status 1"):
        pod.run("archive")
    assert in_store(pod) == []
    [sentence] = pod.containers["archive"].output.splitlines()
    assert sentence.startswith("error: ")
    return sentence


def test_another_archive_than_the_manifests_is_refused_with_both_digests(
    make_pod: Make, digests: Mapping[str, str], int8_archive: Path
) -> None:
    sentence = refused(make_pod(sha256=NOT_ITS_DIGEST))
    assert f"{int8_archive.name}: its SHA-256 is {digests[VERSION]}" in sentence
    assert NOT_ITS_DIGEST in sentence


def test_a_pod_whose_archive_is_refused_is_seen_by_its_edge(make_pod: Make) -> None:
    """Prometheus can ask it, and no request is sent to it."""
    pod = make_pod(sha256=NOT_ITS_DIGEST)
    with pytest.raises(Failed, match="archive: exit status 1"):
        pod.start()
    assert pod.containers["torchserve"].process is None
    assert not pod.ready()
    assert pod.alive()["edge"]
    assert requests.get(f"{pod.monitoring_url}/metrics/edge", timeout=10).ok
    pod.kill()


@pytest.mark.parametrize(
    ("fault", "why"),
    [("missing", "404"), ("cut off", "IncompleteRead"), ("away", "Connection refused")],
)
def test_a_store_that_fails_is_named_and_the_next_try_takes_the_archive(
    make_pod: Make, int8_archive: Path, fault: Literal["missing", "cut off", "away"], why: str
) -> None:
    port = free_ports()["edge"]
    pod = make_pod(component=Component("archive-store", f"http://127.0.0.1:{port}/mobilenet/"))
    with ExitStack() as stack:
        if fault != "away":
            stack.enter_context(serving(port, int8_archive.parent, fault))
        sentence = refused(pod)
    assert f"http://127.0.0.1:{port}/mobilenet/{int8_archive.name}: can't be read (" in sentence
    assert re.search(why, sentence)
    with serving(port, int8_archive.parent):
        pod.run("archive")
    assert taken(pod, int8_archive)


def test_the_component_image_volumes_takes_the_archive_from_its_volume(make_pod: Make, int8_archive: Path) -> None:
    pod = make_pod(component=Component("image-volumes"))
    pod.tree.model_store.unlink()  # the image has none itself
    pod.run("archive")
    assert taken(pod, int8_archive)
