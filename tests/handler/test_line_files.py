"""Files that are filled one after the other: rotation, several writers, a disk without room."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from handler.line_files import LineFiles


def line(number: int, size: int = 50) -> bytes:
    return (json.dumps({"number": number}).ljust(size - 1) + "\n").encode()


def numbers(folder: Path) -> list[int]:
    texts = (path.read_text() for path in sorted(folder.iterdir()))
    return [json.loads(text)["number"] for lines in texts for text in lines.splitlines()]


def test_no_line_is_lost_or_split_where_one_file_ends_and_the_next_begins(tmp_path: Path) -> None:
    files = LineFiles(tmp_path, "m-1.0", max_bytes=220, keep=100)
    for number in range(20):
        files.write(line(number))
    assert numbers(tmp_path) == list(range(20))
    assert [path.stat().st_size for path in sorted(tmp_path.iterdir())] == [200] * 5


def test_the_oldest_go_and_those_of_other_versions_stay(tmp_path: Path) -> None:
    others = [tmp_path / f"m-1.0-rc1-20200101T000000.000000-{number}-0001.jsonl" for number in range(5)]
    for other in others:
        other.touch()
    files = LineFiles(tmp_path, "m-1.0", max_bytes=50, keep=3)
    for number in range(8):
        files.write(line(number))
    assert all(other.exists() for other in others)
    for other in others:
        other.unlink()
    assert numbers(tmp_path) == [5, 6, 7]


def test_a_file_that_another_writer_fills_is_never_taken_away(tmp_path: Path) -> None:
    slow, busy = (LineFiles(tmp_path, "m-1.0", max_bytes=50, keep=2) for _ in range(2))
    slow.write(line(-1, size=30))
    for number in range(6):
        busy.write(line(number))
    slow.write(line(-2, size=10))
    assert sorted(numbers(tmp_path)) == [-2, -1, 4, 5]
    slow.close()
    busy.write(line(7))
    assert -1 not in numbers(tmp_path)


def test_a_line_that_is_longer_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    files = LineFiles(tmp_path, "m-1.0", max_bytes=10, keep=9)
    for number in range(3):
        files.write(line(number))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_somebody_removed_is_followed_by_another(tmp_path: Path) -> None:
    files = LineFiles(tmp_path, "m-1.0", max_bytes=1000, keep=9)
    files.write(line(1))
    for path in tmp_path.iterdir():
        path.unlink()
    files.write(line(2))
    assert numbers(tmp_path) == [2]


def test_a_folder_that_can_not_be_made_is_an_error_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    files = LineFiles(tmp_path / "file" / "folder", "m-1.0", max_bytes=1000, keep=9)
    with pytest.raises(OSError):
        files.write(line(1))
    (tmp_path / "file").unlink()
    files.write(line(2))
    assert numbers(tmp_path / "file" / "folder") == [2]


# Python's limits on a file's size make a write as short as a full disk does.
FULL = """
import resource, signal, sys
from pathlib import Path
from handler.line_files import LineFiles
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (120, resource.RLIM_INFINITY))
files = LineFiles(Path(sys.argv[1]), "m-1.0", 1000, 9)
for number in range(4):
    try:
        files.write(('{"number": %d}' % number).ljust(49).encode() + b"\\n")
    except OSError as error:
        print(number, error.errno)
        if number == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
"""


def test_a_disk_without_room_gets_no_half_line_and_the_next_once_there_is_room(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert [words.split()[0] for words in done.stdout.splitlines()] == ["2"]
    assert numbers(tmp_path) == [0, 1, 3]
