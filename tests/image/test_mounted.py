"""The operator's files come from outside, in a folder that can be written, as docs/image.md has it."""

import shutil
from pathlib import Path

import pytest

from scripts.serving.places import REPOSITORY
from tests.image.container import started
from tests.image.steps import Image

pytestmark = pytest.mark.image


def test_a_split_changes_the_mounted_file_and_the_edge_that_runs(
    image: Image, image_folder: Path, tmp_path: Path, cell: bytes
) -> None:
    mounted = image_folder / "conf"
    mounted.mkdir()
    mounted.chmod(0o777)
    files = {"CONFIG": mounted / "config.properties", "TRAFFIC": mounted / "traffic.yaml"}
    for file in files.values():
        shutil.copy(REPOSITORY / file.name, file)
    with started(image, tmp_path, **{name: str(file) for name, file in files.items()}) as container:
        container.ask("split", "1.0=0", "2.0=100")
        assert container.predict(cell).headers["x-model-version"] == "2.0"
    assert '"2.0": 100' in files["TRAFFIC"].read_text()
