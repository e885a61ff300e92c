import shutil
from pathlib import Path

import pytest

from handler.errors import ArchiveError, DigestError
from handler.metadata import Metadata


@pytest.fixture
def folder(int8_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(int8_folder, tmp_path / "archive")


def test_an_untouched_archive_is_accepted(folder: Path) -> None:
    metadata = Metadata.load_verified(folder)
    assert (metadata.name, metadata.version, metadata.precision) == ("mobilenet_v3", "2.0", "int8")
    assert "CC BY-NC-SA 4.0" in metadata.license


def test_every_file_of_the_archive_is_listed(folder: Path) -> None:
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    unlisted = {"model.json", "MAR-INF/MANIFEST.json"}
    assert set(Metadata.load_verified(folder).files) == present - unlisted


@pytest.mark.parametrize("name", ["model_int8.onnx", "handler/decode.py", "torchserve_entry.py"])
def test_one_changed_byte_is_refused_by_name(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DigestError, match=f"{name} was changed"):
        Metadata.load_verified(folder)


def test_a_missing_file_is_refused_by_name(folder: Path) -> None:
    (folder / "model_int8.onnx").unlink()
    with pytest.raises(ArchiveError, match=r"model_int8\.onnx is missing"):
        Metadata.load_verified(folder)


@pytest.mark.parametrize(("old", "new"), [('"functional"', '"fine"'), ('\n "version"', '\n  "version"')])
def test_a_changed_description_is_refused_even_in_its_spaces(folder: Path, old: str, new: str) -> None:
    text = (folder / "model.json").read_text()
    assert old in text
    (folder / "model.json").write_text(text.replace(old, new))
    with pytest.raises(DigestError, match=r"model\.json was changed"):
        Metadata.load_verified(folder)


def test_an_archive_that_passed_no_gate_is_refused(folder: Path) -> None:
    """By its worker too, so that a plain registration with TorchServe is no way around the gate."""
    metadata = Metadata.load_verified(folder)
    for gate in ({}, metadata.gate | {"passed": False}, metadata.gate | {"passed": "yes"}):
        (folder / "model.json").write_text(metadata.model_copy(update={"gate": gate}).encode())
        with pytest.raises(ArchiveError, match=r"mobilenet_v3 2\.0 passed no gate"):
            Metadata.load_verified(folder)


def test_a_description_that_is_no_json_is_refused(folder: Path) -> None:
    (folder / "model.json").write_text("{")
    with pytest.raises(ArchiveError, match=r"model\.json can't be read"):
        Metadata.load_verified(folder)


def test_code_that_was_added_is_refused_by_name(folder: Path) -> None:
    """The archive's folder comes first on Python's path: this one would be imported in the place of the library."""
    (folder / "simplejpeg.py").write_text("")
    with pytest.raises(ArchiveError, match=r"simplejpeg\.py is not among the files"):
        Metadata.load_verified(folder)


def test_what_python_writes_when_it_runs_the_archive_is_no_change(folder: Path) -> None:
    (folder / "handler" / "__pycache__").mkdir(exist_ok=True)
    (folder / "handler" / "__pycache__" / "decode.cpython-311.pyc").write_bytes(b"")
    Metadata.load_verified(folder)
