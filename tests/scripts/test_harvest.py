"""`make harvest` on what workers keep, and on the folder as a person leaves it."""

import csv
import errno
import hashlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handler.kept_files import KeptFiles
from scripts import harvest
from scripts.errors import UserError
from scripts.harvesting import bringing
from scripts.locks import hold
from scripts.pipeline.data import folder as folder_source
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY
from tests.integration.killing import Steps
from tests.scripts.reporting.written import answer, at, write

NAME = "mobilenet_v3"
DEFECTIVE, FUNCTIONAL = "defective", "functional"


class Kept:
    """A run folder as workers fill it; the images are `0`, `1` and so on."""

    def __init__(self, folder: Path) -> None:
        self.run = folder / "run"
        self.folder = self.run / "harvest" / NAME
        self._places = {
            name: KeptFiles(self.folder / name, 1000, 1_000_000, ring=name == "mirrored")
            for name in ("uncertain", "mirrored")
        }
        for place in self._places.values():
            place.make()

    def uncertain(self, *images: int, **note: Any) -> None:
        said = {"time": at(1), "version": "1.0", "label": DEFECTIVE, "probability": 0.55, "margin": 0.1} | note
        for image in images:
            self._places["uncertain"].put(digest(image), ".jpg", content(image), json.dumps(said).encode())

    def mirrored(self, *images: int) -> None:
        for image in images:
            self._places["mirrored"].put(digest(image), ".png", content(image))

    def logged(self, labels: dict[int, tuple[str, str]]) -> None:
        """Write what 1.0 and its shadow 2.0 said of each image."""
        write(
            self.run / "predictions" / "mobilenet_v3-worker.jsonl",
            [
                answer(str(image), version, label, 2.0, image=digest(image), shadow=version == "2.0", margin=0.8)
                for image, both in labels.items()
                for version, label in zip(("1.0", "2.0"), both, strict=True)
            ],
        )

    def left(self, place: str = "uncertain") -> set[int]:
        return numbers(self.folder / place)


def content(image: int) -> bytes:
    return b"an image without metadata: " + str(image).encode()


def digest(image: int) -> str:
    return hashlib.sha256(str(image).encode()).hexdigest()


def numbers(folder: Path) -> set[int]:
    names = {path.stem for path in folder.rglob("*") if path.suffix in (".jpg", ".png")}
    return {image for image in range(300) if digest(image) in names}


def rows(out: Path) -> dict[int, dict[str, str]]:
    with (out / "about.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    by_digest = {row["digest"]: row for row in found}
    assert len(by_digest) == len(found)
    return {image: by_digest[digest(image)] for image in range(300) if digest(image) in by_digest}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Return a run folder of a server that keeps images and predictions, and is stopped."""
    config = tmp_path / "config.properties"
    shipped = (REPOSITORY / "config.properties").read_text()
    config.write_text(
        shipped.replace("handler.harvest=off", "handler.harvest=on").replace(
            "handler.prediction_log=off", "handler.prediction_log=on"
        )
    )
    monkeypatch.setenv("CONFIG", str(config))
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("MODEL", raising=False)
    return Kept(tmp_path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "harvest"


def said(capsys: pytest.CaptureFixture[str], out: Path) -> dict[str, Any]:
    capsys.readouterr()
    harvest.main(out, as_json=True)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_uncertain_images_and_disagreements_come_out_and_agreements_stay(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.uncertain(0, 1)
    kept.mirrored(2, 3, 4)
    kept.logged({2: (DEFECTIVE, FUNCTIONAL), 3: (DEFECTIVE, DEFECTIVE)})
    found = said(capsys, out)
    assert (found["low_margin"], found["disagree"], found["stay"], found["unlabelled"]) == (2, 1, 2, 3)
    assert {path.name: path.read_bytes() for path in (out / "unlabelled").iterdir()} == {
        digest(0) + ".jpg": content(0),
        digest(1) + ".jpg": content(1),
        digest(2) + ".png": content(2),
    }
    assert (kept.left(), kept.left("mirrored")) == (set(), {3, 4})
    assert not list(kept.folder.rglob("*.json"))
    assert (out / DEFECTIVE).is_dir()
    assert (out / FUNCTIONAL).is_dir()


def test_the_table_says_why_and_what_each_version_said(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.uncertain(0, label=FUNCTIONAL, probability=0.51, margin=0.02)
    kept.uncertain(1)
    kept.mirrored(2)
    kept.logged({1: (DEFECTIVE, DEFECTIVE), 2: (DEFECTIVE, FUNCTIONAL)})
    said(capsys, out)
    found = rows(out)
    assert found[0] == {
        "file": f"unlabelled/{digest(0)}.jpg",
        "digest": digest(0),
        "reason": "low margin",
        "time": at(1),
        **{"version": "1.0", "label": FUNCTIONAL, "probability": "0.51", "margin": "0.02"},
        **{"shadow": "", "shadow_label": "", "shadow_probability": "", "shadow_margin": ""},
    }
    assert (found[1]["reason"], found[1]["shadow"], found[1]["time"]) == ("low margin", "2.0", at(1))
    assert found[2] == {
        "file": f"unlabelled/{digest(2)}.png",
        "digest": digest(2),
        "reason": "versions disagree",
        "time": at(2),
        **{"version": "1.0", "label": DEFECTIVE, "probability": "0.9", "margin": "0.8"},
        **{"shadow": "2.0", "shadow_label": FUNCTIONAL, "shadow_probability": "0.9", "shadow_margin": "0.8"},
    }


def test_a_disagreement_that_is_logged_later_comes_out_later(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.mirrored(0)
    assert said(capsys, out)["disagree"] == 0
    kept.logged({0: (DEFECTIVE, FUNCTIONAL)})
    assert said(capsys, out)["disagree"] == 1
    assert numbers(out) == {0}


def test_an_image_is_brought_once_wherever_the_person_put_it(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.uncertain(0, 1, 2, 3)
    said(capsys, out)
    for image, place in ((0, DEFECTIVE), (1, "functional/cracked"), (2, "away")):
        (out / place).mkdir(exist_ok=True)
        (out / "unlabelled" / f"{digest(image)}.jpg").rename(out / place / f"{digest(image)}.jpg")
    (out / "unlabelled" / f"{digest(3)}.jpg").unlink()
    # Workers of another run folder, which know of none.
    kept.uncertain(0, 1, 2, 3, 4)
    kept.mirrored(0, 3)
    kept.logged({0: (DEFECTIVE, FUNCTIONAL), 3: (DEFECTIVE, FUNCTIONAL)})
    found = said(capsys, out)
    assert (found["low_margin"], found["disagree"], found["unlabelled"]) == (1, 0, 1)
    assert numbers(out / "unlabelled") == {4}
    assert kept.left() | kept.left("mirrored") == set()
    assert rows(out).keys() == {0, 1, 2, 3, 4}


def test_an_image_that_was_labelled_before_a_killed_command_was_given_again_is_not_brought_twice(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.uncertain(0)
    path = out / DEFECTIVE / f"{digest(0)}.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(content(0))
    said(capsys, out)
    assert [path.parent.name for path in out.rglob("*.jpg")] == [DEFECTIVE]
    assert rows(out).keys() == {0}
    assert kept.left() == set()


def test_of_several_shadows_the_one_that_disagrees_counts(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.mirrored(0)
    lines = [
        answer(name, version, label, second, image=digest(0), shadow=version != "1.0")
        for name, shadow, its, second in (("a", "2.0", DEFECTIVE, 1.0), ("b", "3.0", FUNCTIONAL, 2.0))
        for version, label in (("1.0", DEFECTIVE), (shadow, its))
    ]
    write(kept.run / "predictions" / "mobilenet_v3-worker.jsonl", lines)
    said(capsys, out)
    assert rows(out)[0]["shadow"] == "3.0"


def test_workers_do_not_keep_again_what_was_taken(kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept.uncertain(0)
    said(capsys, out)
    assert (kept.folder / "taken" / digest(0)).exists()


def test_a_table_that_a_spreadsheet_saved_anew_is_still_understood(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.uncertain(0)
    said(capsys, out)
    saved = (out / "about.csv").read_text().replace(",", ";").rstrip()
    (out / "about.csv").write_text("\ufeff" + saved)
    (out / "unlabelled" / f"{digest(0)}.jpg").unlink()
    kept.uncertain(0, 1)
    assert said(capsys, out)["low_margin"] == 1
    assert numbers(out) == {1}
    assert (out / "about.csv").read_text().startswith("\ufeff" + saved)


def test_another_file_system_gets_whole_copies(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", elsewhere)
    kept.uncertain(*range(150))
    assert said(capsys, out)["low_margin"] == 150
    assert numbers(out) == set(range(150))
    assert {path.stat().st_mode & 0o777 for path in (out / "unlabelled").iterdir()} == {0o600}
    assert kept.left() == set()


def test_a_disk_that_is_full_half_way_is_one_sentence_and_nothing_is_lost(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.uncertain(*range(8))
    placed = []

    def full(source: Path, target: Path, place: Any = bringing._place) -> None:
        if len(placed) == 5:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        placed.append(source)
        place(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(bringing, "_place", full)
        with pytest.raises(UserError, match=r"No space left on device; nothing is lost: make room"):
            harvest.main(out)
    assert len(numbers(out)) == 5
    assert numbers(out) | kept.left() == set(range(8))
    said(capsys, out)
    assert rows(out).keys() == numbers(out) == set(range(8))


def killed(step: int, out: Path) -> bool:
    """Return whether `make harvest` was killed before its `step`-th change of a file, or had fewer and ended well."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sys.addaudithook(Steps(step))
            harvest.main(out)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0


@pytest.fixture(params=["the same disk", "another disk"])
def anywhere(request: pytest.FixtureRequest, out: Path) -> Iterator[Path]:
    """Return a folder on the disk of the run folder, then one on another."""
    if request.param == "the same disk":
        yield out
        return
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == out.parent.stat().st_dev:
        pytest.skip("there is no other file system here")
    with tempfile.TemporaryDirectory(dir=shared) as name:
        yield Path(name) / "harvest"


@pytest.mark.operations
def test_killed_before_any_step_it_loses_nothing_and_the_next_one_ends_it(
    kept: Kept, anywhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is killed one step later than the last; the person throws an image away after each."""
    out, thrown_away, steps = anywhere, set(), 0
    while True:
        steps += 1
        fresh = {2 * steps, 2 * steps + 1}
        kept.uncertain(2 * steps)
        kept.mirrored(2 * steps + 1)
        kept.logged({image: (DEFECTIVE, FUNCTIONAL) for image in fresh})
        was_killed = killed(steps, out)
        assert numbers(out) | kept.left() | kept.left("mirrored") >= fresh
        said(capsys, out)
        assert numbers(out) >= fresh
        assert rows(out).keys() == numbers(out) | thrown_away
        assert kept.left() | kept.left("mirrored") == set()
        assert not list(kept.folder.rglob("*.json"))
        assert {path.name for path in out.iterdir()} == {"about.csv", "unlabelled", DEFECTIVE, FUNCTIONAL}
        brought = {path.name: path.read_bytes() for path in (out / "unlabelled").iterdir()}
        assert brought == {
            name: content(image) for image in numbers(out) for name in brought if name.startswith(digest(image))
        }
        (out / "unlabelled" / f"{digest(2 * steps)}.jpg").unlink()
        thrown_away.add(2 * steps)
        if not was_killed:
            break
    # Two images in, the table, a note and two images out.
    assert steps > 6


@pytest.mark.parametrize(
    ("setting", "fix"),
    [("off", r"set handler\.harvest=on in .*, then `make stop start`"), ("on", "start it with `make")],
)
def test_a_folder_that_workers_never_had_is_an_error_with_the_way_to_have_it(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, setting: str, fix: str
) -> None:
    config = tmp_path / "config.properties"
    shipped = (REPOSITORY / "config.properties").read_text()
    config.write_text(shipped.replace("handler.harvest=off", f"handler.harvest={setting}"))
    monkeypatch.setenv("CONFIG", str(config))
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "new"))
    monkeypatch.delenv("MODEL", raising=False)
    with pytest.raises(UserError, match=f"no server has kept images of mobilenet_v3 here; {fix}"):
        harvest.main(out)
    assert not out.exists()
    assert not (tmp_path / "new").exists()


def test_nothing_kept_is_no_error(kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    harvest.main(out)
    assert capsys.readouterr().out == f"no new image for {out}\n"


def test_it_says_that_harvesting_is_off(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIG", "config.properties")
    kept.uncertain(0)
    harvest.main(out)
    printed = capsys.readouterr().out
    assert f"1 image came into {out}/unlabelled: 1 with a low margin, 0 on which versions disagree" in printed
    assert "handler.harvest is off in config.properties: no more are kept" in printed


def test_it_says_what_disagreement_is_known_from(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "config.properties"
    config.write_text(config.read_text().replace("prediction_log=on", "prediction_log=off"))
    harvest.main(out)
    assert "only with handler.prediction_log=on can it be told on which images versions disagree" in (
        capsys.readouterr().out
    )


def test_lines_that_are_none_are_named(kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept.uncertain(0)
    kept.logged({0: (DEFECTIVE, FUNCTIONAL)})
    path = kept.run / "predictions" / "mobilenet_v3-worker.jsonl"
    path.write_text(path.read_text() + "half a li\n")
    harvest.main(out)
    assert f"left out: {path}: 1 malformed line, the first is line 3" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["harvest", "harvest/unlabelled", f"harvest/{DEFECTIVE}"])
def test_a_file_in_the_way_is_one_sentence_and_nothing_is_taken(kept: Kept, out: Path, place: str) -> None:
    path = out.parent / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("a file")
    kept.uncertain(0)
    with pytest.raises(UserError, match=f"{path}: can't be a folder \\(a file is in the way\\)"):
        harvest.main(out)
    assert kept.left() == {0}


@pytest.mark.parametrize("place", [".", "run", "run/harvest", "run/harvest/mobilenet_v3/uncertain"])
def test_a_folder_with_the_workers_own_in_it_would_find_each_image_there_already(
    kept: Kept, out: Path, place: str
) -> None:
    kept.uncertain(0)
    with pytest.raises(UserError, match="workers keep their images in"):
        harvest.main(out.parent / place)
    assert kept.left() == {0}


def test_a_table_that_can_not_be_one_is_one_sentence_and_nothing_is_taken(kept: Kept, out: Path) -> None:
    (out / "about.csv").mkdir(parents=True)
    kept.uncertain(0)
    with pytest.raises(UserError, match=r"about\.csv: Is a directory; nothing is lost"):
        harvest.main(out)
    assert kept.left() == {0}


def test_one_at_a_time(kept: Kept, out: Path) -> None:
    kept.uncertain(0)
    with hold(kept.run / "harvest.lock", ""), pytest.raises(UserError, match="another `make harvest`"):
        harvest.main(out)
    assert kept.left() == {0}


def test_labels_that_no_folder_can_be_named_after_are_named_and_the_others_have_theirs(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = ("cat", "either/or", "unlabelled", ".hidden", "..", "ü" * 128, "ok " * 9)
    read = Installation.read.__func__  # type: ignore[attr-defined]

    def changed(cls: type[Installation], environment: dict[str, str]) -> Installation:
        wanted = read(cls, environment)
        return replace(wanted, spec=wanted.spec.model_copy(update={"labels": labels}))

    monkeypatch.setattr(Installation, "read", classmethod(changed))
    kept.uncertain(0)
    assert said(capsys, out)["no_folder"] == [*labels[1:6]]
    assert {path.name for path in out.iterdir()} == {"about.csv", "unlabelled", "cat", "ok " * 9}
    harvest.main(out)
    assert "no folder can be named after 'either/or', " in capsys.readouterr().out


def test_what_was_labelled_is_what_train_learns_from(kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept.uncertain(*range(5))
    said(capsys, out)
    for image, label in ((0, DEFECTIVE), (1, DEFECTIVE), (2, FUNCTIONAL)):
        (out / "unlabelled" / f"{digest(image)}.jpg").rename(out / label / f"{digest(image)}.jpg")
    labels = folder_source.labels(out)
    found = folder_source.listing(out, labels)
    assert labels == (DEFECTIVE, FUNCTIONAL)
    assert {sample.name: sample.label for sample in found.samples} == {
        f"{DEFECTIVE}/{digest(0)}.jpg": 0,
        f"{DEFECTIVE}/{digest(1)}.jpg": 0,
        f"{FUNCTIONAL}/{digest(2)}.jpg": 1,
    }
    assert {one.file: one.reason for one in found.left_out} == {
        "about.csv": "in no class folder",
        f"unlabelled/{digest(3)}.jpg": "still unlabelled",
        f"unlabelled/{digest(4)}.jpg": "still unlabelled",
    }


def test_before_anything_is_labelled_train_says_what_to_do(
    kept: Kept, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.uncertain(0)
    said(capsys, out)
    with pytest.raises(UserError, match="move images out of 'unlabelled' into folders of their labels"):
        folder_source.labels(out)
