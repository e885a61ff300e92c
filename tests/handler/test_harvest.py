"""Which images a worker keeps, and that no answer waits for it or is lost over it."""

import base64
import hashlib
import io
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from handler import harvest, harvest_folder
from handler.harvest import Harvest
from handler.kept_files import KeptFiles
from handler.request import Request
from handler.service import Service
from handler.settings import Settings

COPY = {"x-prediction-shadow": "true"}


def loaded(archive: Path, folder: Path, **changes: Any) -> Service:
    return Service.load(archive, Settings(harvest="on", harvest_folder=str(folder / "harvest"), **changes))


@pytest.fixture
def keep_all(int8_folder: Path, tmp_path: Path) -> Service:
    """Return a service that is sure of nothing, and has a prediction log."""
    log = {"prediction_log": "on", "prediction_log_folder": str(tmp_path / "predictions")}
    return loaded(int8_folder, tmp_path, harvest_margin=1, **log)


@pytest.fixture
def harvesting(keep_all: Service) -> Iterator[Harvest]:
    running = Harvest(keep_all)
    yield running
    running.close()


def answered(service: Service, running: Harvest, *bodies: bytes, **headers: str) -> list[Any]:
    """Return what callers were told of a batch."""
    requests = [Request({"body": body}, headers, f"id-{number}") for number, body in enumerate(bodies)]
    replies, report = service.reply_all(requests)
    running.add(report)
    return [json.loads(reply.body) for reply in replies]


def kept(folder: Path, place: str = "uncertain") -> set[str]:
    """Return the digests of what was kept."""
    paths = (folder / "harvest" / "mobilenet_v3" / place).glob("*")
    return {path.stem for path in paths if path.suffix in (".jpg", ".png")}


def digests(*bodies: bytes) -> set[str]:
    return {hashlib.sha256(body).hexdigest() for body in bodies}


def test_images_below_the_margin_are_kept_and_the_others_not(
    int8_folder: Path, cells: list[bytes], tmp_path: Path
) -> None:
    service = loaded(int8_folder, tmp_path, harvest_margin=0.3)
    running = Harvest(service)
    answers = answered(service, running, *cells)
    running.close()
    margins = [np.subtract(*(one["probability"] for one in answer["predictions"])) for answer in answers]
    expected = digests(*(cell for cell, margin in zip(cells, margins, strict=True) if margin < 0.3))
    assert 0 < len(expected) < len(cells)
    assert kept(tmp_path) == expected


def test_a_note_says_what_the_caller_was_told(
    keep_all: Service, harvesting: Harvest, cell: bytes, tmp_path: Path
) -> None:
    [answer] = answered(keep_all, harvesting, cell)
    harvesting.close()
    [note] = (tmp_path / "harvest").rglob("*.json")
    said = json.loads(note.read_text())
    best, second = answer["predictions"]
    assert (said["version"], said["label"], said["probability"]) == ("2.0", best["label"], best["probability"])
    assert said["margin"] == pytest.approx(best["probability"] - second["probability"], abs=2e-6)
    assert abs(datetime.fromisoformat(said["time"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_each_instance_is_an_image_and_a_refused_one_is_none(
    keep_all: Service, harvesting: Harvest, cells: list[bytes], tmp_path: Path
) -> None:
    body = json.dumps({"instances": [{"b64": base64.b64encode(cell).decode()} for cell in cells[:3]]}).encode()
    answered(keep_all, harvesting, body, cells[3][:900], b"", b"text", cells[4])
    harvesting.close()
    assert kept(tmp_path) == digests(*cells[:3], cells[4])


def test_a_copy_is_kept_apart_however_sure_the_shadow_is(
    keep_all: Service, harvesting: Harvest, cells: list[bytes], tmp_path: Path
) -> None:
    answered(keep_all, harvesting, *cells[:4], **COPY)
    answered(keep_all, harvesting, *cells[4:6])
    harvesting.close()
    assert kept(tmp_path, "mirrored") == digests(*cells[:4])
    assert kept(tmp_path) == digests(*cells[4:6])


@pytest.mark.parametrize("share", ["off", "0.5"])
def test_a_copy_whose_answers_no_log_has_is_not_kept(
    int8_folder: Path, cells: list[bytes], tmp_path: Path, share: str
) -> None:
    service = loaded(int8_folder, tmp_path, prediction_log=share, prediction_log_folder=str(tmp_path))
    running = Harvest(service)
    answered(service, running, *cells, **COPY)
    running.close()
    chosen = [
        cell for number, cell in enumerate(cells) if harvest.sampled(f"id-{number}", service.settings.prediction_share)
    ]
    assert kept(tmp_path, "mirrored") == digests(*chosen)
    assert len(chosen) < len(cells)


def test_images_that_warm_a_worker_are_not_kept(
    keep_all: Service, harvesting: Harvest, cells: list[bytes], tmp_path: Path
) -> None:
    """They are the model's own, and may be those that it is tested with."""
    answered(keep_all, harvesting, cells[0], **{"x-prediction-warming": "true"})
    answered(keep_all, harvesting, cells[1])
    harvesting.close()
    assert kept(tmp_path) == digests(cells[1])


def test_an_image_is_kept_once_by_all_workers_and_versions_and_never_again_once_it_was_taken(
    keep_all: Service, float32_folder: Path, cells: list[bytes], tmp_path: Path
) -> None:
    other = Service.load(float32_folder, keep_all.settings)
    taken = tmp_path / "harvest" / "mobilenet_v3" / "taken"
    taken.mkdir(parents=True)
    [digest] = digests(cells[2])
    (taken / digest).touch()
    for service in (keep_all, other):
        running = Harvest(service)
        answered(service, running, cells[0], cells[0], cells[1], cells[2])
        answered(service, running, cells[1], cells[2], **COPY)
        running.close()
    assert kept(tmp_path) == digests(cells[0], cells[1])
    assert kept(tmp_path, "mirrored") == set()


def test_an_image_that_came_as_a_copy_first_is_kept_for_its_caller_too(
    keep_all: Service, harvesting: Harvest, cell: bytes, tmp_path: Path
) -> None:
    """The ring throws its copy out one day."""
    answered(keep_all, harvesting, cell, **COPY)
    answered(keep_all, harvesting, cell)
    harvesting.close()
    assert kept(tmp_path) == kept(tmp_path, "mirrored") == digests(cell)


def test_a_quota_that_is_used_up_drops_images_counts_them_and_is_said_once(
    int8_folder: Path, cells: list[bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = {"prediction_log": "on", "prediction_log_folder": str(tmp_path / "predictions")}
    service = loaded(int8_folder, tmp_path, harvest_margin=1, harvest_files=8, **log)
    running = Harvest(service)
    answered(service, running, *cells[:10])
    answered(service, running, *cells[10:20], **COPY)
    running.close()
    assert kept(tmp_path) == digests(*cells[:4])
    assert digests(cells[19]) < kept(tmp_path, "mirrored") < digests(*cells[10:20])
    assert running.newly_dropped() == 6
    assert running.newly_dropped() == 0
    [message] = [message for message in caplog.messages if "harvest drops images" in message]
    assert "quota" in message


def test_a_disk_that_takes_nothing_costs_no_answer_and_once_it_does_images_are_kept_again(
    keep_all: Service,
    cells: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(harvest_folder, "_REST_S", 0.0)
    (tmp_path / "harvest").write_text("in the way")
    running = Harvest(keep_all)
    assert all("predictions" in answer for answer in answered(keep_all, running, *cells[:3]))
    running.close()
    assert running.newly_dropped() == 3
    assert len([message for message in caplog.messages if "harvest drops images (uncertain)" in message]) == 1
    (tmp_path / "harvest").unlink()
    running = Harvest(keep_all)
    answered(keep_all, running, cells[3])
    running.close()
    assert kept(tmp_path) == digests(cells[3])


def test_after_a_full_disk_nothing_is_tried_for_a_while(
    keep_all: Service, harvesting: Harvest, cells: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def full(*arguments: Any) -> None:
        tried.append(arguments)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(KeptFiles, "put", full)
    answered(keep_all, harvesting, *cells[:5])
    harvesting.close()
    assert (len(tried), harvesting.newly_dropped()) == (1, 5)


@pytest.mark.parametrize(("name", "limit", "fit"), [("_WAITING", 4, 4), ("_WAITING_BYTES", 400, 4)])
def test_a_disk_that_hangs_delays_no_answer_and_images_without_room_are_counted(  # noqa: PLR0913, PLR0917
    keep_all: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, fit: int
) -> None:
    hangs, put = threading.Event(), KeptFiles.put

    def late(self: KeptFiles, *arguments: Any) -> None:
        hangs.wait()
        put(self, *arguments)

    monkeypatch.setattr(KeptFiles, "put", late)
    images = [padded(number) for number in range(20)]
    monkeypatch.setattr(harvest, name, limit if name == "_WAITING" else limit * len(images[0]) // 100)
    running = Harvest(keep_all)
    _, report = keep_all.reply_all([Request({"body": image}, {}) for image in images])
    began = time.perf_counter()
    running.add(report)
    assert time.perf_counter() - began < 0.5
    dropped = running.newly_dropped()
    assert dropped in (20 - fit, 20 - fit - 1)  # The thread may hold one.
    hangs.set()
    running.close()
    assert len(kept(tmp_path)) == 20 - dropped
    # What is kept makes room.
    assert running.waiting_bytes == 0


def padded(number: int) -> bytes:
    """Return an image of its own, as long as the others."""
    stream = io.BytesIO()
    Image.new("L", (40, 40), number).save(stream, "BMP")
    return stream.getvalue()


def test_a_defect_of_the_harvest_costs_no_answer(
    keep_all: Service,
    harvesting: Harvest,
    cell: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(*arguments: object) -> None:
        raise KeyError("second")

    monkeypatch.setattr(harvest, "softmax", fails)
    [answer] = answered(keep_all, harvesting, cell)
    assert "predictions" in answer
    assert harvesting.newly_dropped() == 1
    assert "KeyError" in caplog.text


def test_an_image_that_can_not_be_taken_apart_is_dropped_and_the_next_is_kept(
    keep_all: Service, harvesting: Harvest, cells: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_at_first(encoded: bytes, *limits: float) -> tuple[str, bytes]:
        if encoded == cells[0]:
            raise OSError("a parser's defect")
        return ".png", encoded

    monkeypatch.setattr(harvest_folder, "bare", fails_at_first)
    answered(keep_all, harvesting, *cells[:2])
    harvesting.close()
    assert kept(tmp_path) == digests(cells[1])
    assert harvesting.newly_dropped() == 1


@pytest.mark.skipif("not __import__('sys').platform == 'linux'")
def test_the_thread_has_the_lowest_priority_and_the_process_its_own(
    keep_all: Service, harvesting: Harvest, cell: bytes
) -> None:
    answered(keep_all, harvesting, cell)
    thread = harvesting._thread.native_id
    assert thread is not None
    for _ in range(500):
        if psutil.Process(thread).nice() == 19:
            break
        time.sleep(0.01)
    assert psutil.Process(thread).nice() == 19
    assert psutil.Process().nice() < 19


def test_the_folders_are_there_before_an_image_is(harvesting: Harvest, tmp_path: Path) -> None:
    harvesting.close()
    assert (tmp_path / "harvest" / "mobilenet_v3" / "uncertain").is_dir()
