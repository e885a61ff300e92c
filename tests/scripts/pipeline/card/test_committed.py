"""The committed card is of the committed files, and this machine's archives bear it out.

Every figure of a card is in evidence.json, so the text is compared to the letter, on any CPU. The archives are built on
the machine of the tests, where other kernels may round otherwise: an image or two may then change its label.
"""

from pathlib import Path

import pytest

from scripts.files import sha256
from scripts.pipeline import archive
from scripts.pipeline.card import evidence, page, wrong
from scripts.pipeline.spec import MODELS, Spec

SPEC = Spec.load(MODELS / "elpv")
STALE = "the committed card is of other files: `make card`, or, after an edit of notes.md, `make card TEXT=1`"


def test_it_is_of_the_committed_checkpoint_and_split() -> None:
    found = evidence.read(SPEC.folder)
    assert found["checkpoint_sha256"] == sha256(SPEC.checkpoint_path), STALE
    assert found["split_sha256"] == sha256(SPEC.split_path), STALE


def test_it_is_what_the_command_writes_from_the_committed_files() -> None:
    assert (SPEC.folder / page.FILE_NAME).read_text() == page.card(SPEC), STALE


def test_every_file_that_it_shows_is_there() -> None:
    assert len(wrong.read_csv(SPEC.folder / page.ERRORS)) == evidence.read(SPEC.folder)["errors"]["wrong"]
    assert (SPEC.folder / page.SHEET).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("version", "tolerance"), [("1.0", 0.005), ("2.0", 0.01)])
def test_the_archives_of_this_machine_have_its_figures(
    version: str, tolerance: float, float32_archive: Path, int8_archive: Path
) -> None:
    path = {"1.0": float32_archive, "2.0": int8_archive}[version]
    here = archive.verify(path).gate["measured"]
    said = evidence.read(SPEC.folder)["archives"][version]["gate"]["measured"]
    assert here["float32"]["accuracy"] == pytest.approx(said["float32"]["accuracy"], abs=0.005)
    for graph in here.keys() & said.keys():
        assert here[graph]["accuracy"] == pytest.approx(said[graph]["accuracy"], abs=tolerance)
