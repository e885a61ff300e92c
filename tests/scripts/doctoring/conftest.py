"""An installation in a folder of its own, in order; a test breaks one thing of it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.doctoring import operators_files
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY, variable
from tests.integration.server import free_ports


@dataclass(frozen=True)
class Prepared:
    """Files that nothing runs from.

    Attributes:
        folder: with config.properties, traffic.yaml, the folder `store` of archives, and `run`, which is not there yet.
        environment: that names them, and free ports.
    """

    folder: Path
    environment: Mapping[str, str]

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def add(self, line: str) -> None:
        """Put a line into config.properties."""
        with (self.folder / "config.properties").open("a") as file:
            file.write(f"{line}\n")

    @property
    def wanted(self) -> Installation:
        read = operators_files.read(self.environment)
        assert read.wanted is not None, read.findings
        return read.wanted


@pytest.fixture
def prepared(tmp_path: Path, float32_archive: Path, int8_archive: Path) -> Prepared:
    for name in ("config.properties", "traffic.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    (tmp_path / "store").mkdir()
    for archive in (float32_archive, int8_archive):
        for path in (archive, archive.with_name(f"{archive.name}.sha256")):
            shutil.copy(path, tmp_path / "store")
    places = {
        "RUN_DIR": str(tmp_path / "run"),
        "CONFIG": str(tmp_path / "config.properties"),
        "TRAFFIC": str(tmp_path / "traffic.yaml"),
        "KEYS": str(tmp_path / "keys.yaml"),
        "MODEL_STORE": str(tmp_path / "store"),
    }
    return Prepared(tmp_path, places | {variable(name): str(port) for name, port in free_ports().items()})
