"""The image's tree, built once from the Dockerfile's own steps."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import setup
from scripts.serving.places import REPOSITORY
from tests.image import context, dockerfile, steps
from tests.image.steps import Image
from tests.image.written import PREFIX, Snapshot

# A folder that is kept, to look at; otherwise one that goes when the tests end.
KEPT = os.environ.get("IMAGE_FOLDER")


@pytest.fixture(scope="session")
def image_folder() -> Iterator[Path]:
    # A short path: it leaves room for a socket's name (108 bytes in all).
    folder = Path(KEPT or tempfile.mkdtemp(prefix=PREFIX)).resolve()
    folder.mkdir(exist_ok=True)
    # The image's user has to get in.
    folder.chmod(0o755)
    yield folder
    if not KEPT:
        for parent, _, _ in os.walk(folder):
            Path(parent).chmod(0o755)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def image(image_folder: Path, float32_archive: Path, int8_archive: Path) -> Image:
    """Return the image with the tests' archives in it, all but RUN_DIR and TMPDIR read-only."""
    seen = image_folder / "context"
    context.copy(REPOSITORY, seen)
    shutil.rmtree(seen / "model_store", ignore_errors=True)
    (seen / "model_store").mkdir()
    for archive in (float32_archive, int8_archive):
        for name in (archive.name, f"{archive.name}.sha256"):
            shutil.copy2(archive.with_name(name), seen / "model_store")
    arguments = {"TORCH_INDEX": os.environ.get("TORCH_INDEX") or setup.remembered_index() or ""}
    image = steps.build(dockerfile.read((REPOSITORY / "Dockerfile").read_text()), seen, image_folder, arguments)
    for parent, _, names in os.walk(image.root):
        for path in (Path(parent), *(Path(parent, name) for name in names)):
            if path not in writable(image) and not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o7555)
    return image


@pytest.fixture(scope="session")
def as_built(image: Image) -> Snapshot:
    return Snapshot.of(image.root, writable(image))


def writable(image: Image) -> tuple[Path, ...]:
    """Return the folders that the image declares for what is written."""
    return tuple(Path(image.environment[name]) for name in ("RUN_DIR", "TMPDIR"))
