"""The image's command runs, and all that it writes is where it says."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.image.container import KEY, WHO_MAY_BECOME_ANOTHER_USER, Container, home, run, started
from tests.image.steps import Image
from tests.image.written import Snapshot, elsewhere

pytestmark = pytest.mark.image

NOT_FOR_SERVING = (
    *("torchvision", "sklearn", "scipy", "matplotlib", "tensorboard", "onnx", "model_archiver", "elpv_dataset"),
    *("locust", "pytest", "mypy", "pip"),
)


@pytest.fixture(scope="module")
def served(image: Image, as_built: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with started(image, tmp_path_factory.mktemp("served")) as container:
        yield container


def processes_of(container: Container) -> list[psutil.Process]:
    supervisor = psutil.Process(container.process.pid)
    return [supervisor, *supervisor.children(recursive=True)]


@pytest.mark.parametrize("module", NOT_FOR_SERVING)
def test_packages_for_training_load_tests_and_development_are_not_there(image: Image, module: str) -> None:
    done = run(image, ["python", "-c", f"import {module}"])
    assert f"No module named '{module}'" in done.stderr


def test_a_solar_cell_posted_to_the_edge_is_answered(served: Container, cell: bytes) -> None:
    answer = served.predict(cell)
    assert answer.status_code == 200, answer.text
    assert {row["label"] for row in answer.json()["predictions"]} == {"functional", "defective"}


def test_the_demo_page_is_there_and_says_where_it_has_no_figures(served: Container) -> None:
    page = requests.get(f"{served.url}/", timeout=10)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    live = requests.get(f"{served.url}/live", headers={"x-api-key": KEY}, timeout=10)
    assert (live.status_code, live.json()["error"]["code"]) == (503, "unavailable")


def test_without_a_key_it_does_not_start(image: Image) -> None:
    done = run(image, image.command("ENTRYPOINT"))
    assert done.returncode == 1
    assert "the edge would listen at 0.0.0.0 and take everybody's requests" in done.stderr


def test_both_archives_that_were_baked_in_serve(served: Container) -> None:
    versions = served.ask("status")["versions"]
    assert {name: version["healthy"] for name, version in versions.items()} == {"1.0": True, "2.0": True}


def test_its_health_check_passes(served: Container) -> None:
    done = served.run(*served.image.command("HEALTHCHECK"))
    assert done.returncode == 0, done.stderr


def test_its_health_check_fails_where_nothing_serves(served: Container, image: Image) -> None:
    nowhere = dict(served.environment) | {"RUN_DIR": str(served.image.root.parent / "nothing")}
    assert run(image, image.command("HEALTHCHECK"), nowhere).returncode != 0


def test_the_edge_alone_listens_beyond_loopback(served: Container) -> None:
    pids = {process.pid for process in processes_of(served)}
    listening = {
        (each.laddr.ip, each.laddr.port)
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.pid in pids and each.laddr
    }
    # The image leaves out what the exporter needs.
    named = {port for name, port in served.ports.items() if name not in ("worker", "exporter")}
    assert {port for _, port in listening} == named
    beyond = {place for place in listening if place[0] not in ("127.0.0.1", "::ffff:127.0.0.1")}
    assert beyond == {("0.0.0.0", served.ports["edge"])}


@pytest.mark.skipif(not WHO_MAY_BECOME_ANOTHER_USER, reason="only root can become the image's user")
def test_every_process_is_the_images_user_and_has_no_other_group(served: Container) -> None:
    for process in processes_of(served):
        assert set(process.uids()) == set(process.gids()) == {served.image.user}
        assert "Groups:\t \n" in Path(f"/proc/{process.pid}/status").read_text()


def test_nothing_is_written_outside_run_dir_and_tmpdir(served: Container, as_built: Snapshot, cell: bytes) -> None:
    assert served.predict(cell).status_code == 200
    assert as_built.changed() == []
    assert list(home(served.image).rglob("*")) == []
    if WHO_MAY_BECOME_ANOTHER_USER:
        start_s = psutil.Process(served.process.pid).create_time()
        assert elsewhere(served.image.user, start_s, but=served.image.root.parent) == []
    assert not list(Path(served.image.environment["RUN_DIR"]).rglob("*.pyc"))
