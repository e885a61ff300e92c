"""Archives whose digest is right, because whoever wrote them wrote that too, and which no build has made."""

import hashlib
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.pipeline.archive import verify

Members = list[tuple[zipfile.ZipInfo, bytes]]


@pytest.fixture
def forged(int8_archive: Path, tmp_path: Path) -> Callable[[Callable[[Members], Any]], Path]:
    """Return what makes an archive of other members than the built one's, with a digest beside it that is right."""

    def forge(change: Callable[[Members], Any]) -> Path:
        with zipfile.ZipFile(int8_archive) as built:
            members = [(zipfile.ZipInfo(entry.filename), built.read(entry)) for entry in built.infolist()]
        change(members)
        target = tmp_path / int8_archive.name
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a name that is written twice
            for entry, content in members:
                new.writestr(entry, content, zipfile.ZIP_DEFLATED)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n")
        return target

    return forge


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        verify(path)
    assert str(path) in str(caught.value)
    assert "make archive" in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def added(name: str, content: bytes = b"x") -> Callable[[Members], Any]:
    return lambda members: members.append((zipfile.ZipInfo(name), content))


def test_an_archive_that_is_only_packed_anew_is_accepted(
    forged: Callable[[Callable[[Members], Any]], Path],
) -> None:
    assert verify(forged(lambda members: None)).version == "2.0"


@pytest.mark.parametrize(
    "name",
    ["../escaped.py", "/tmp/escaped.py", "..\\escaped.py", "handler/extra.py", "model-config.yaml", "sitecustomize.so"],
)
def test_a_member_that_no_build_put_in_is_refused_by_its_name(
    forged: Callable[[Callable[[Members], Any]], Path], name: str
) -> None:
    assert f"does not list {name}" in refusal(forged(added(name)))


@pytest.mark.parametrize("name", ["../escaped.py", "/tmp/escaped.py", "..\\escaped.py", "handler/../../escaped.py"])
def test_a_listed_member_that_would_be_unpacked_elsewhere_is_refused(
    forged: Callable[[Callable[[Members], Any]], Path], name: str
) -> None:
    def change(members: Members) -> None:
        added(name)(members)
        for index, (entry, content) in enumerate(members):
            if entry.filename == "model.json":
                record = Metadata.decode(content.decode())
                files = record.files | {name: hashlib.sha256(b"x").hexdigest()}
                members[index] = (entry, record.model_copy(update={"files": files}).encode().encode())

    assert f"{name} leads out of the folder" in refusal(forged(change))


def test_a_link_is_refused(forged: Callable[[Callable[[Members], Any]], Path]) -> None:
    def change(members: Members) -> None:
        for entry, _ in members:
            if entry.filename == "handler/service.py":
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16

    assert "handler/service.py is a link" in refusal(forged(change))


def test_a_member_that_is_there_twice_is_refused(forged: Callable[[Callable[[Members], Any]], Path]) -> None:
    """Which of the two is read depends on the reader."""
    assert "handler/service.py is in it twice" in refusal(forged(added("handler/service.py")))


def test_a_member_that_is_not_what_was_listed_is_refused(forged: Callable[[Callable[[Members], Any]], Path]) -> None:
    def change(members: Members) -> None:
        members[:] = [(e, c + b"#" if e.filename == "handler/service.py" else c) for e, c in members]

    assert "handler/service.py is not what model.json says" in refusal(forged(change))


def test_a_member_that_is_missing_is_named(forged: Callable[[Callable[[Members], Any]], Path]) -> None:
    def change(members: Members) -> None:
        members[:] = [(e, c) for e, c in members if e.filename != "handler/service.py"]

    assert "handler/service.py is missing" in refusal(forged(change))


@pytest.mark.parametrize("name", ["handler/service.py", "model.json"])
def test_a_member_that_would_fill_the_disk_is_refused_before_it_is_unpacked(
    forged: Callable[[Callable[[Members], Any]], Path], name: str
) -> None:
    def change(members: Members) -> None:
        members[:] = [(e, bytes(50_000_000) if e.filename == name else c) for e, c in members]

    assert f"{name} would unpack from" in refusal(forged(change))
