"""One line an image, whatever the disk does, and no answer that waits for it."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handler import prediction_log
from handler.line_files import LineFiles
from handler.prediction_log import PredictionLog
from handler.predictions import sampled
from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from handler.user_hash import UserHash


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(prediction_log_folder=str(folder / "predictions"), **{"prediction_log": "on", **changes})


@pytest.fixture
def service(int8_folder: Path, tmp_path: Path) -> Service:
    return Service.load(int8_folder, settings(tmp_path))


@pytest.fixture
def log(service: Service) -> Iterator[PredictionLog]:
    log = PredictionLog(service)
    yield log
    log.close()


def request(body: bytes, **headers: str) -> Request:
    return Request({"body": body}, {name.replace("_", "-"): value for name, value in headers.items()}, "server-id")


def answered(service: Service, log: PredictionLog, *requests: Request) -> list[Any]:
    """Return what the callers were told of a batch that was logged."""
    replies, report = service.reply_all(requests)
    log.add(report)
    return [json.loads(reply.body) for reply in replies]


def lines(folder: Path) -> list[dict[str, Any]]:
    texts = [path.read_text() for path in sorted((folder / "predictions").glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_an_image_has_the_line_that_its_caller_was_told_of(
    service: Service, log: PredictionLog, cell: bytes, tmp_path: Path
) -> None:
    [answer] = answered(service, log, request(cell, x_request_id="mine", x_prediction_user="ann", x_top_k="1"))
    log.close()
    [line] = lines(tmp_path)
    assert abs(datetime.fromisoformat(line["time"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert line["time"].endswith("Z")
    assert len(line["time"]) == len("2026-01-01T00:00:00.000Z")
    [best] = answer["predictions"]
    assert {key: line[key] for key in best} == best
    assert line["margin"] == pytest.approx(2 * best["probability"] - 1, abs=2e-6)
    assert line["ms"] > 0
    assert {key: line[key] for key in ("request_id", "version", "shadow", "image")} == {
        "request_id": "mine",
        "version": "2.0",
        "shadow": False,
        "image": hashlib.sha256(cell).hexdigest(),
    }
    assert line["user"] == UserHash.load(tmp_path / "predictions.key")("ann")
    assert set(line) == {
        *("time", "request_id", "user", "version", "shadow", "image", "label", "index", "probability", "margin", "ms")
    }


def test_a_shadows_line_says_so_and_one_without_a_user_has_none(
    service: Service, log: PredictionLog, cell: bytes, tmp_path: Path
) -> None:
    answered(service, log, request(cell, x_prediction_shadow="true"), request(cell, x_user_id="ann"))
    log.close()
    assert [(line["shadow"], line["user"], line["request_id"]) for line in lines(tmp_path)] == [
        (True, None, "server-id"),
        (False, None, "server-id"),
    ]
    assert not (tmp_path / "predictions.key").exists()


def test_who_asked_is_in_no_file(service: Service, log: PredictionLog, cell: bytes, tmp_path: Path) -> None:
    answered(service, log, request(cell, x_prediction_user="ann@example.org"))
    log.close()
    assert len(lines(tmp_path)) == 1
    assert not any(b"ann" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_refused_image_has_its_error_and_its_neighbours_their_labels(
    service: Service, log: PredictionLog, cells: list[bytes], tmp_path: Path
) -> None:
    instances = {"instances": [{"b64": base64.b64encode(body).decode()} for body in (cells[2], b"text")]}
    bodies = [cells[0], cells[0][:900], b"", b'{"instances": 1}', json.dumps(instances).encode(), cells[1]]
    answers = answered(service, log, *(request(body, x_request_id=str(n)) for n, body in enumerate(bodies)))
    log.close()
    found = lines(tmp_path)
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert [line.get("error") for line in found] == codes
    assert codes == [None, "truncated_image", "empty_body", "malformed_body", "unsupported_format", None]
    images = [cells[0], cells[0][:900], None, None, b"text", cells[1]]
    assert [line["image"] for line in found] == [image and hashlib.sha256(image).hexdigest() for image in images]
    assert all(("label" in line) != ("error" in line) for line in found)


def test_each_instance_has_a_line_and_a_description_none(
    service: Service, log: PredictionLog, cells: list[bytes], tmp_path: Path
) -> None:
    body = json.dumps({"instances": [{"b64": base64.b64encode(cell).decode()} for cell in cells[:3]]}).encode()
    [_, answer] = answered(service, log, request(b"", describe="True"), request(body, x_request_id="three"))
    log.close()
    found = lines(tmp_path)
    assert [line["image"] for line in found] == [hashlib.sha256(cell).hexdigest() for cell in cells[:3]]
    assert [line["probability"] for line in found] == [ranked[0]["probability"] for ranked in answer["predictions"]]
    assert {line["request_id"] for line in found} == {"three"}


def test_a_share_is_of_the_requests_ids_whoever_is_asked(int8_folder: Path, cell: bytes, tmp_path: Path) -> None:
    share = settings(tmp_path, prediction_log="0.3")
    first, second = (Service.load(int8_folder, share) for _ in range(2))
    ids = [f"id-{number}" for number in range(40)]
    for service in (first, second):
        log = PredictionLog(service)
        answered(service, log, *(request(cell, x_request_id=name) for name in ids))
        log.close()
    found = [line["request_id"] for line in lines(tmp_path)]
    assert found == [name for name in ids if sampled(name, 0.3)] * 2
    assert 0 < len(found) < 80


def test_a_sampled_share_is_as_large_as_it_says_and_a_larger_one_holds_it() -> None:
    ids = [f"id-{number}" for number in range(20_000)]
    tenth, half = ({name for name in ids if sampled(name, share)} for share in (0.1, 0.5))
    # Five standard deviations.
    assert len(tenth) == pytest.approx(2000, abs=5 * 43)
    assert len(half) == pytest.approx(10_000, abs=5 * 71)
    assert tenth < half
    assert all(sampled(name, 1.0) for name in ids)
    assert sum(sampled(None, 0.5) for _ in range(10_000)) == pytest.approx(5000, abs=5 * 50)


def test_a_disk_that_hangs_delays_no_answer_and_the_lines_without_room_are_counted(
    service: Service, cell: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, write = threading.Event(), LineFiles.write

    def late(files: LineFiles, line: bytes) -> None:
        hangs.wait()
        write(files, line)

    monkeypatch.setattr(LineFiles, "write", late)
    monkeypatch.setattr(prediction_log, "_WAITING", 5)
    log = PredictionLog(service)
    _, report = service.reply_all([request(cell)])
    began = time.perf_counter()
    for _ in range(20):
        log.add(report)
    assert time.perf_counter() - began < 0.5
    dropped = log.newly_dropped()
    assert dropped in (14, 15)  # The writer may hold one.
    assert log.newly_dropped() == 0
    hangs.set()
    log.close()
    assert len(lines(tmp_path)) == 20 - dropped


def test_lines_that_no_disk_takes_are_counted_and_said_once(
    service: Service, cell: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "predictions").write_text("in the way")
    log = PredictionLog(service)
    answered(service, log, *[request(cell)] * 3)
    for _ in range(200):
        if log._not_written == 3:
            break
        time.sleep(0.01)
    (tmp_path / "predictions").unlink()
    answered(service, log, request(cell))
    log.close()
    assert log.newly_dropped() == 3
    assert len(lines(tmp_path)) == 1
    assert [message for message in caplog.messages if "prediction log drops lines" in message] == [caplog.messages[0]]


def test_a_defect_of_the_log_costs_no_answer(
    service: Service, log: PredictionLog, cell: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*arguments: object) -> None:
        raise KeyError("second")

    monkeypatch.setattr("handler.predictions.rank", fails)
    [answer] = answered(service, log, request(cell))
    assert "predictions" in answer
    assert log.newly_dropped() == 1
    assert "KeyError" in caplog.text


ENDS = """
import os, signal, sys, time
from pathlib import Path
from handler.line_files import LineFiles
from handler.prediction_log import PredictionLog
from handler.request import Request
from handler.service import Service
from handler.settings import Settings
archive, folder, image, how = sys.argv[1:]
write = LineFiles.write
def slow(files, line):
    time.sleep(0.002)
    write(files, line)
LineFiles.write = slow
service = Service.load(Path(archive), Settings(prediction_log="on", prediction_log_folder=folder))
log = PredictionLog(service)
log.flush_at_end()
_, report = service.reply_all([Request({"body": Path(image).read_bytes()}, {}, "id")])
for _ in range(300):
    log.add(report)
if how == "signal":
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""


@pytest.mark.parametrize(("how", "status"), [("signal", -signal.SIGTERM), ("exit", 0)])
def test_a_process_that_ends_writes_what_still_waits(
    int8_folder: Path, cell: bytes, tmp_path: Path, how: str, status: int
) -> None:
    (tmp_path / "cell").write_bytes(cell)
    argv = [sys.executable, "-c", ENDS, int8_folder, tmp_path / "predictions", tmp_path / "cell", how]
    done = subprocess.run(argv, env={**os.environ}, timeout=60, check=False)
    assert done.returncode == status
    assert len(lines(tmp_path)) == 300
