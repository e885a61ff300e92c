import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from handler.errors import ArchiveError
from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.pipeline import archive
from scripts.pipeline.archive import verify


@pytest.fixture
def copy(int8_archive: Path, tmp_path: Path) -> Path:
    for suffix in ("", ".sha256"):
        shutil.copy(f"{int8_archive}{suffix}", tmp_path)
    return tmp_path / int8_archive.name


def test_an_untouched_archive_says_what_it_is(copy: Path) -> None:
    metadata = verify(copy)
    assert (metadata.name, metadata.version, metadata.precision) == ("mobilenet_v3", "2.0", "int8")
    gate = metadata.gate
    graphs = {"float32", "int8 arithmetic", "fp32 arithmetic"} - {f"{name} arithmetic" for name in gate["unmeasured"]}
    assert set(gate["measured"]) == graphs
    assert gate["measured"]["fp32 arithmetic"]["accuracy"] >= gate["thresholds"]["min_accuracy"]


@pytest.mark.parametrize("position", [0.0, 0.3, 0.6, 0.999])
def test_one_changed_byte_anywhere_is_refused(copy: Path, position: float) -> None:
    content = bytearray(copy.read_bytes())
    content[int(position * len(content))] ^= 1
    copy.write_bytes(content)
    with pytest.raises(UserError, match=f"{copy.name}: changed since it was built.*make archive"):
        verify(copy)


def test_a_missing_archive_and_a_missing_digest_are_named(copy: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.mar: no such archive"):
        verify(copy.with_name("absent.mar"))
    copy.with_name(copy.name + ".sha256").unlink()
    with pytest.raises(UserError, match=r"\.sha256: no such file"):
        verify(copy)


def test_the_same_inputs_give_the_same_bytes(int8_archive: Path, int8_folder: Path, tmp_path: Path) -> None:
    metadata = Metadata.load_verified(int8_folder)
    again = archive.build(metadata, int8_folder, tmp_path)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(int8_archive.read_bytes()).digest()


def test_nothing_is_archived_without_gate_evidence(int8_folder: Path, tmp_path: Path) -> None:
    ungated = Metadata.load_verified(int8_folder).model_copy(update={"gate": {}})
    with pytest.raises(ArchiveError, match="passed no gate"):
        archive.build(ungated, int8_folder, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_of_somebody_else_without_gate_evidence_is_not_registered(copy: Path) -> None:
    repacked = copy.with_suffix(".new")
    with zipfile.ZipFile(copy) as old, zipfile.ZipFile(repacked, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "model.json":
                content = Metadata.decode(content.decode()).model_copy(update={"gate": {}}).encode().encode()
            new.writestr(name, content)
    repacked.replace(copy)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    copy.with_name(f"{copy.name}.sha256").write_text(f"{digest}  {copy.name}\n")
    with pytest.raises(UserError, match=r"mobilenet_v3 2\.0 passed no gate"):
        verify(copy)


def test_an_archive_under_another_versions_name_is_refused(copy: Path) -> None:
    other = copy.with_name("mobilenet_v3-3.0.mar")
    copy.rename(other)
    copy.with_name(copy.name + ".sha256").rename(other.with_name(other.name + ".sha256"))
    with pytest.raises(UserError, match=r"this is mobilenet_v3 2\.0 under another name"):
        verify(other)


def test_the_archive_is_one_that_torchserve_reads(int8_archive: Path) -> None:
    with zipfile.ZipFile(int8_archive) as file:
        names = set(file.namelist())
        manifest = json.loads(file.read("MAR-INF/MANIFEST.json"))
        requirements = file.read("requirements.txt").decode().splitlines()
    assert {"torchserve_entry.py", "handler/service.py", "model.json"} <= names
    assert not [name for name in names if "__pycache__" in name or name == "handler/torchserve_entry.py"]
    assert manifest["model"]["modelVersion"] == "2.0"
    assert all("==" in line and "+" not in line for line in requirements)


def test_each_graph_is_under_three_megabytes(int8_archive: Path) -> None:
    with zipfile.ZipFile(int8_archive) as file:
        sizes = {info.filename: info.file_size for info in file.infolist() if info.filename.endswith(".onnx")}
    assert len(sizes) == 2
    assert max(sizes.values()) < 3e6
