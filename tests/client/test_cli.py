"""The command, as it is run: what is printed where, with which status it ends, and how it can be ended."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mobilenet_v3_client.cli import main
from scripts.serving import processes
from tests.client.stub import SEEN, Stub, answer, refuse, wait_for

COMMAND = [sys.executable, "-m", "mobilenet_v3_client.cli"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(name.encode())
    return tmp_path


def environment(stub: Stub) -> dict[str, str]:
    return os.environ | {"MOBILENET_V3_URL": stub.url, "PYTHONUNBUFFERED": ""}


@dataclass(frozen=True)
class Done:
    """How the command ended, and what it printed."""

    status: int | str | None
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return the command, run in this process: a new one takes its time to begin."""
    monkeypatch.setenv("MOBILENET_V3_URL", stub.url)
    monkeypatch.delenv("API_KEY", raising=False)

    def run(*words: str | Path) -> Done:
        try:
            status: int | str | None = main([str(word) for word in words])
        except SystemExit as end:
            status = end.code
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return run


def by_name(handler: object) -> None:
    """Refuse the image that is `b`, whenever it comes."""
    last = handler.stub.asked[-1]  # type: ignore[attr-defined]
    (refuse(400, "truncated_image") if last.body == b"b" else answer())(handler)  # type: ignore[arg-type]


def test_json_lines_are_the_servers_answers_with_the_files_and_their_errors(run: Run, stub: Stub, folder: Path) -> None:
    stub.always = by_name
    done = run("predict", folder, "--format", "jsonl", "--concurrency", "1", "--top-k", "2", "--user", "ann")
    first, bad, last = map(json.loads, done.out.splitlines())
    assert {key: first[key] for key in SEEN} == SEEN
    assert (first["file"], first["tries"], last["file"]) == (str(folder / "a.png"), 1, str(folder / "c.png"))
    assert first["round_trip_ms"] > 0
    assert bad == {
        "file": str(folder / "b.png"),
        "error": {
            "code": "truncated_image",
            "message": "because of truncated_image",
            "status": 400,
            "request_id": "asked-2",
        },
    }
    assert (done.status, done.err[:24]) == (1, "2 answered, 1 failed, 0.")
    assert {(request.path, request.headers["x-user-id"]) for request in stub.asked} == {
        ("/predictions/mobilenet_v3?top_k=2", "ann")
    }


def test_csv_has_a_row_for_each_image(run: Run, stub: Stub, folder: Path) -> None:
    stub.always = by_name
    done = run("predict", folder, "--format", "csv", "--concurrency", "1")
    first, bad, _ = csv.DictReader(io.StringIO(done.out))
    assert (first["label"], first["probability"], first["version"], first["error"]) == ("defective", "0.75", "2.0", "")
    assert (bad["label"], bad["error"], bad["message"]) == ("", "truncated_image", "because of truncated_image")


def test_a_table_is_for_people_and_its_errors_are_apart(run: Run, stub: Stub, folder: Path) -> None:
    stub.always = by_name
    done = run("predict", folder / "a.png", folder / "b.png", "--version", "2.0", "--concurrency", "1")
    assert done.out.split()[:3] == ["75.00%", "defective", "2.0"]
    assert len(done.out.splitlines()) == 1
    assert f"error: {folder / 'b.png'}: truncated_image (400): because of truncated_image" in done.err
    assert stub.asked[0].path == "/predictions/mobilenet_v3/2.0"


def test_an_image_on_standard_input_is_one(stub: Stub) -> None:
    words = [*COMMAND, "predict", "-"]
    done = subprocess.run(words, env=environment(stub), input=b"image", capture_output=True, timeout=60, check=True)
    assert (done.stdout.split()[-1], done.stderr) == (b"-", b"")
    assert stub.asked[0].body == b"image"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("predict",), "arguments are required: FILE|FOLDER|-"),
        (("predict", "x", "--top-k", "0"), "0: a whole number from 1 on is wanted"),
        (("predict", "x", "--deadline", "soon"), "soon: a number of seconds is wanted"),
        (("predict", "x", "--user", "a\nb"), "a text without line breaks"),
        (("predict", "x", "--user", " ann"), "user=' ann': a text without line breaks, and without blanks around it"),
        (("predict", "x", "--format", "xml"), "invalid choice: 'xml'"),
        (("predict", "x", "--url", "here"), "here: an address such as http://127.0.0.1:8000 is wanted"),
        (("predict", "x", "--certificate", "none.pem"), "none.pem: no such file"),
        (("explain", "x"), "--out"),
        ((), "predict | explain | health"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_right(run: Run, stub: Stub, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.status == 2
    assert said in done.err
    assert not stub.asked


def test_what_goes_for_all_images_is_said_once_and_ends_it(run: Run, stub: Stub, folder: Path) -> None:
    for number in range(200):
        (folder / f"{number}.png").write_bytes(b"image")
    stub.always = refuse(401, "unauthorized")
    done = run("predict", folder, "--concurrency", "2")
    assert done.status == 1
    assert done.err.count("unauthorized (401)") == 1
    assert done.err.endswith("[request asked-2] Set API_KEY in the environment to <name>.<secret>.\n")
    assert len(stub.asked) < 20


def test_a_folder_that_is_missing_or_empty_is_no_success(run: Run, stub: Stub, tmp_path: Path) -> None:
    empty = run("predict", tmp_path)
    assert (empty.status, empty.err[:20]) == (1, "0 answered, 0 failed")
    missing = run("predict", tmp_path / "none")
    assert (missing.status, "No such file or directory" in missing.err) == (1, True)


def test_a_reader_who_has_seen_enough_is_no_error(stub: Stub, folder: Path) -> None:
    line = ["sh", "-c", f"{' '.join(COMMAND)} predict {folder} {folder} {folder} {folder} | head -n 1"]
    done = subprocess.run(line, env=environment(stub), capture_output=True, text=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_ctrl_c_ends_it_with_what_is_under_way(stub: Stub, folder: Path) -> None:
    free = threading.Event()
    stub.then(answer(), wait_for(free))
    words = [*COMMAND, "predict", str(folder), "--format", "jsonl", "--concurrency", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=environment(stub), stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["file"].endswith("a.png")
        assert processes.wait_until(lambda: len(stub.asked) == 2, 30)
        process.send_signal(signal.SIGINT)
        process.stderr.readline()
        assert "Ctrl-C again leaves at once" in process.stderr.readline()
        free.set()
        rest, said = process.communicate(timeout=60)
    assert "b.png" in rest
    assert "Traceback" not in said
    assert process.returncode == 130


def test_a_second_ctrl_c_waits_for_nobody(stub: Stub, folder: Path) -> None:
    free = threading.Event()
    stub.always = wait_for(free)
    with subprocess.Popen(
        [*COMMAND, "predict", str(folder)], env=environment(stub), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert processes.wait_until(lambda: stub.asked != [], 30)
        process.send_signal(signal.SIGINT)
        process.stderr.readline()
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert (process.wait(60), said) == (130, "")
    free.set()


def test_how_far_it_is_is_shown_on_a_terminal_alone(stub: Stub, folder: Path, run: Run) -> None:
    ours, theirs = pty.openpty()
    words = [*COMMAND, "predict", str(folder), "--format", "csv"]
    done = subprocess.run(
        words, env=environment(stub), stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=60, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "######################## 3/3" in shown
    assert "\x1b" not in done.stdout + run("predict", folder).err


def test_health_is_a_word_and_a_status(run: Run, stub: Stub) -> None:
    stub.then(answer(200, {"status": "ok"}), refuse(503, "not_ready"))
    ready, unready = run("health"), run("health")
    assert (ready.status, ready.out) == (0, "ok\n")
    assert (unready.status, unready.out) == (1, "not_ready\n")
    assert {request.path for request in stub.asked} == {"/healthz"}


def test_an_explanation_is_written_to_a_file(run: Run, stub: Stub, folder: Path) -> None:
    stub.always = answer(200, b"\x89PNG\r\n\x1a\nrest", content_type="image/png")
    done = run("explain", folder / "a.png", "--class", "defective", "--version", "2.0", "--out", folder / "o.png")
    assert (done.status, done.err) == (0, "")
    assert (folder / "o.png").read_bytes() == b"\x89PNG\r\n\x1a\nrest"
    assert stub.asked[0].path == "/explanations/mobilenet_v3/2.0?format=png&class=defective"
    missing = run("explain", folder / "a.png", "--out", folder / "none" / "o.png")
    assert (missing.status, missing.err) == (1, f"error: {folder / 'none' / 'o.png'}: No such file or directory\n")
