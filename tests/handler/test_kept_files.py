"""One folder that several processes fill: a quota for all, each file once, nothing half written."""

import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from handler.kept_files import KeptFiles


def name(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def numbers(folder: Path) -> set[int]:
    names = {path.stem for path in folder.iterdir() if path.suffix in (".jpg", ".png")}
    return {number for number in range(1000) if name(number) in names}


def put(kept: KeptFiles, *range_: int, size: int = 10, note: bytes = b"") -> None:
    for number in range(*range_):
        kept.put(name(number), ".jpg", bytes(size), note)
        # Times as they are at a pace that a disk's clock can tell apart.
        path = kept.folder / f"{name(number)}.jpg"
        if path.exists():
            os.utime(path, ns=(number, number))


def test_a_file_is_there_once_whatever_its_ending(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 10, 1000, ring=False)
    kept.put(name(1), ".jpg", b"first")
    kept.put(name(1), ".jpg", b"second")
    kept.put(name(1), ".png", b"third")
    assert [path.read_bytes() for path in kept.folder.iterdir()] == [b"first"]


@pytest.mark.parametrize(("files", "size"), [(4, 10_000), (100, 49)])
def test_what_is_full_takes_no_more_and_keeps_what_it_has(tmp_path: Path, files: int, size: int) -> None:
    kept = KeptFiles(tmp_path / "kept", files, size, ring=False)
    put(kept, 4)
    with pytest.raises(OSError) as refused:
        put(kept, 4, 5)
    assert refused.value.errno == errno.EDQUOT
    assert numbers(kept.folder) == {0, 1, 2, 3}
    put(kept, 4)  # Those that are there need no room.


def test_notes_count_as_bytes(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 100, 60, ring=False)
    put(kept, 2, note=bytes(20))
    with pytest.raises(OSError):
        put(kept, 2, 3)


@pytest.mark.parametrize(("files", "size"), [(4, 10_000), (100, 49)])
def test_of_a_ring_the_oldest_go(tmp_path: Path, files: int, size: int) -> None:
    kept = KeptFiles(tmp_path / "kept", files, size, ring=True)
    put(kept, 9)
    assert 8 in numbers(kept.folder)
    assert numbers(kept.folder) in ({5, 6, 7, 8}, {6, 7, 8})


def test_a_file_that_no_ring_could_hold_throws_nothing_out(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 10, 100, ring=True)
    put(kept, 3)
    with pytest.raises(OSError):
        put(kept, 3, 4, size=101)
    assert numbers(kept.folder) == {0, 1, 2}


def test_a_ring_throws_out_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 3, 10_000, ring=True)
    put(kept, 1)
    (kept.folder / "mine.jpg").write_bytes(b"")
    os.utime(kept.folder / "mine.jpg", ns=(0, 0))
    put(kept, 1, 20)
    assert (kept.folder / "mine.jpg").exists()


def test_what_somebody_takes_out_makes_room_at_once(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 3, 1000, ring=False)
    put(kept, 3)
    (kept.folder / f"{name(0)}.jpg").unlink()
    put(kept, 3, 4)
    assert numbers(kept.folder) == {1, 2, 3}
    with pytest.raises(OSError):
        put(kept, 4, 5)


def test_a_folder_that_is_taken_away_is_made_again(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "deep" / "kept", 3, 1000, ring=False)
    put(kept, 3)
    (tmp_path / "deep").rename(tmp_path / "away")
    put(kept, 3, 6)
    assert numbers(kept.folder) == {3, 4, 5}


def test_folders_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "deep" / "kept", 3, 1000, ring=False)
    kept.put(name(1), ".jpg", b"image", b"{}")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {
        "deep": 0o700,
        "kept": 0o700,
        "kept.lock": 0o600,
        f"{name(1)}.jpg": 0o600,
        f"{name(1)}.json": 0o600,
    }


def test_the_folder_is_looked_through_when_somebody_else_changed_it_and_not_for_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(os, "scandir", lambda path, scandir=os.scandir: looks.append(path) or scandir(path))
    first, second = (KeptFiles(tmp_path / "kept", 100, 10_000, ring=True) for _ in range(2))
    put(first, 10)
    put(second, 10, 20)
    put(first, 20, 30)
    assert len(looks) == 1


FILL = """
import hashlib, sys
from pathlib import Path
from handler.kept_files import KeptFiles
folder, begin, end, ring = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "ring"
kept = KeptFiles(folder, 50, 1_000_000, ring=ring)
for number in range(begin, end):
    try:
        kept.put(hashlib.sha256(str(number).encode()).hexdigest(), ".jpg", bytes(100), b"{}")
    except OSError:
        pass
"""


@pytest.mark.parametrize("how", ["ring", "no ring"])
def test_several_processes_have_one_quota(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "kept"
    argvs = [[sys.executable, "-c", FILL, folder, str(begin), str(begin + 60), how] for begin in (0, 40, 80)]
    running = [subprocess.Popen(argv) for argv in argvs]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    found = numbers(folder)
    assert len(found) == 50 if how == "no ring" else 47 <= len(found) <= 50


def test_what_a_killed_process_left_is_swept_and_counts_for_nothing(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 4, 1000, ring=False)
    put(kept, 2, note=b"{}")
    (kept.folder / f"{name(8)}.part").write_bytes(bytes(900))
    (kept.folder / f"{name(9)}.json").write_bytes(bytes(90))
    put(kept, 2, 4)
    assert numbers(kept.folder) == {0, 1, 2, 3}
    assert {path.stem for path in kept.folder.iterdir()} == {name(number) for number in range(4)}


# Python's limit on a file's size makes a write fail as a full disk does.
FULL = """
import errno, resource, signal, sys
from pathlib import Path
from handler.kept_files import KeptFiles
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (120, resource.RLIM_INFINITY))
kept = KeptFiles(Path(sys.argv[1]), 10, 1_000_000, ring=False)
for digest, size in (("a" * 64, 100), ("b" * 64, 500), ("c" * 64, 100)):
    try:
        kept.put(digest, ".jpg", bytes(size), b"{}")
    except OSError as error:
        print(digest[0], errno.errorcode[error.errno], *(path.name[0] for path in Path(sys.argv[1]).iterdir()))
"""


def test_a_disk_without_room_gets_no_half_image_and_the_next_once_there_is_room(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    done = subprocess.run([sys.executable, "-c", FULL, folder], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["b", "EFBIG", "a", "a"]
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == {
        **{letter * 64 + ".jpg": 100 for letter in "ac"},
        **{letter * 64 + ".json": 2 for letter in "ac"},
    }
