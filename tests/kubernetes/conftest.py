"""Every overlay, one after the other; an API server for each test; a version's pod on the repository's own tree."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from scripts.kubernetes.kubectl import Kubectl
from tests.kubernetes import built
from tests.kubernetes.api import Api, running_api
from tests.kubernetes.api.api import NAMESPACE
from tests.kubernetes.api.server import CONTEXT
from tests.kubernetes.built import Object
from tests.kubernetes.pod import rendered
from tests.kubernetes.pod.kubelet import Kubelet
from tests.kubernetes.pod.rendered import Component
from tests.kubernetes.pod.tree import Tree

VERSION = "2.0"
Make = Callable[..., Kubelet]


@pytest.fixture(params=built.OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Object]:
    """Return an overlay's objects, which the test may break."""
    return built.overlay(request.param)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path) as api:
        yield api


@pytest.fixture
def kubectl(api: Api, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """Return the verbs' own kubectl, which speaks to `api`."""
    for name, value in api.environment.items():
        monkeypatch.setenv(name, value)
    return Kubectl(str(built.KUBECTL), CONTEXT, NAMESPACE)


@pytest.fixture(scope="session")
def digests(float32_archive: Path, int8_archive: Path) -> Mapping[str, str]:
    return rendered.digests(float32_archive, int8_archive)


@pytest.fixture(scope="session")
def make_pod(digests: Mapping[str, str], int8_archive: Path) -> Iterator[Make]:
    """Return what gives a pod that does not run yet: of the archives that are here, or as the arguments have it."""
    pods: list[Kubelet] = []
    # A short path, for the workers' sockets.
    top = Path(tempfile.mkdtemp(prefix="pod-")).resolve()

    def make(sha256: str | None = None, component: Component | None = None) -> Kubelet:
        folder = top / str(len(pods))
        folder.mkdir()
        named = dict(digests) | ({VERSION: sha256} if sha256 else {})
        pod = rendered.local(folder / "kubernetes", named, VERSION, component)
        pods.append(Kubelet(pod, Tree.of_repository(folder / "root", int8_archive.parent), folder / "pod"))
        return pods[-1]

    yield make
    for each in pods:
        each.kill()
    shutil.rmtree(top)


@pytest.fixture(scope="module")
def pod(make_pod: Make) -> Iterator[Kubelet]:
    """Return a pod whose startup probes have passed."""
    made = make_pod()
    made.start()
    yield made
    made.kill()
