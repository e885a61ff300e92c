"""The image's signal ends the server in order. Apart from test_steps.py: one server at a time has the run directory."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.serving import processes
from scripts.serving.envoy_admin import Admin
from scripts.serving.places import REPOSITORY
from tests.image.container import STOP_S, started
from tests.image.steps import Image
from tests.image.written import Snapshot

pytestmark = pytest.mark.image


def test_a_request_under_way_has_its_answer_and_the_exit_status_is_0(
    image: Image, image_folder: Path, as_built: Snapshot, tmp_path: Path, cell: bytes
) -> None:
    """It waits three seconds for a batch to fill; its configuration is mounted, as an operator's would be."""
    patient = (REPOSITORY / "config.properties").read_text().replace('"maxBatchDelay": 1,', '"maxBatchDelay": 3000,')
    config = image_folder / "config.properties"
    config.write_text(patient)
    with started(image, tmp_path, CONFIG=str(config)) as container, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(container.predict, cell)
        admin = Admin(container.ports["admin"])
        assert processes.wait_until(lambda: admin.active_requests() == 1, 30)
        container.terminate()
        assert container.process.wait(STOP_S) == 0, container.log.read_text()
        assert answer.result().status_code == 200
    assert as_built.changed() == []
