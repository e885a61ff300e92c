import base64
import gc
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.hostile_images import with_scans
from handler.decode import EncodedImage
from handler.errors import ArchiveError
from handler.metadata import Preprocessing
from handler.preprocess import load_with_shape
from handler.request import Request
from handler.responses import Reply
from handler.service import Service
from handler.settings import Settings


@pytest.fixture(scope="module")
def service(int8_folder: Path) -> Service:
    return Service.load(int8_folder, Settings(arithmetic="fp32"))


def content(reply: Reply) -> Any:
    return json.loads(reply.body)


def raw(body: bytes, **headers: str) -> Request:
    return Request({"body": body}, {name.replace("_", "-"): value for name, value in headers.items()}, "server-id")


def test_a_cell_is_answered_with_label_probability_and_version(service: Service, cell: bytes) -> None:
    replies, report = service.reply_all([raw(cell, x_request_id="mine")])
    answer = content(replies[0])
    assert replies[0].status == 200
    assert (answer["model"], answer["version"], answer["request_id"]) == ("mobilenet_v3", "2.0", "mine")
    assert {row["label"] for row in answer["predictions"]} == {"functional", "defective"}
    assert sum(row["probability"] for row in answer["predictions"]) == pytest.approx(1, abs=1e-5)
    assert (report.requests, report.images, report.bad) == (1, 1, 0)


def test_without_a_request_id_the_servers_own_is_answered(service: Service, cell: bytes) -> None:
    assert content(service.reply_all([raw(cell)])[0][0])["request_id"] == "server-id"


def test_a_bad_row_gets_its_own_error_and_its_neighbours_the_same_answer_as_alone(
    service: Service, cells: list[bytes]
) -> None:
    alone = [service.reply_all([raw(cell)])[0][0] for cell in cells[:2]]
    batch = [raw(cells[0]), raw(cells[1][:3000]), raw(b"text"), raw(b""), raw(cells[1])]
    replies, report = service.reply_all(batch)
    assert [reply.status for reply in replies] == [200, 400, 415, 400, 200]
    codes = [content(reply)["error"]["code"] for reply in replies[1:4]]
    assert codes == ["truncated_image", "unsupported_format", "empty_body"]
    assert [_labels(replies[0]), _labels(replies[4])] == [_labels(reply) for reply in alone]
    assert (report.requests, report.images, report.bad) == (5, 2, 3)


def _labels(reply: Reply) -> list[tuple[str, float]]:
    return [(row["label"], round(row["probability"], 4)) for row in content(reply)["predictions"]]


def test_instances_are_answered_by_a_list_each_in_their_order(service: Service, cells: list[bytes]) -> None:
    body = {"instances": [{"b64": base64.b64encode(cell).decode()} for cell in cells[:3]]}
    replies, _ = service.reply_all([raw(cells[4]), raw(json.dumps(body).encode()), raw(cells[5])])
    predictions = content(replies[1])["predictions"]
    singles = [content(service.reply_all([raw(cell)])[0][0])["predictions"] for cell in cells[:3]]
    best = [[rows[0]["label"] for rows in several] for several in (predictions, singles)]
    assert best[0] == best[1]


def test_one_bad_instance_is_named(service: Service, cell: bytes) -> None:
    images = [{"b64": base64.b64encode(image).decode()} for image in (cell, cell[:2000])]
    reply = service.reply_all([raw(json.dumps({"instances": images}).encode())])[0][0]
    assert reply.status == 400
    assert content(reply)["error"]["message"].startswith("instances[1]: ")


def test_top_k_is_per_request(service: Service, cell: bytes) -> None:
    replies, _ = service.reply_all([raw(cell, x_top_k="1"), raw(cell), raw(cell, x_top_k="zero")])
    assert [len(content(reply).get("predictions", [])) for reply in replies] == [1, 2, 0]
    assert replies[2].status == 400


def test_a_description_says_which_arithmetic_runs(service: Service, cell: bytes) -> None:
    replies, report = service.reply_all([raw(b"", describe="True"), raw(cell)])
    assert content(replies[0])["arithmetic"] == "fp32"
    assert replies[1].status == 200
    assert (report.images, report.bad) == (1, 0)


def test_a_defect_of_ours_in_one_row_leaves_its_neighbours_their_answers(
    service: Service, cells: list[bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails_for_the_first(image: EncodedImage, to: Preprocessing, calls: list[int] = []) -> object:  # noqa: B006
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return load_with_shape(image, to)

    monkeypatch.setattr("handler.request.load_with_shape", fails_for_the_first)
    replies, report = service.reply_all([raw(cells[0]), raw(cells[1])])
    assert [reply.status for reply in replies] == [500, 200]
    assert content(replies[0])["error"]["code"] == "internal_error"
    assert report.bad == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_row_without_memory_is_refused_alone_and_may_come_again(
    service: Service, cells: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def has_none(image: EncodedImage, to: Preprocessing) -> object:
        if image.encoded == cells[0]:
            raise MemoryError
        return load_with_shape(image, to)

    monkeypatch.setattr("handler.request.load_with_shape", has_none)
    replies, _ = service.reply_all([raw(cells[0]), raw(cells[1])])
    assert [reply.status for reply in replies] == [503, 200]
    assert content(replies[0])["error"]["code"] == "out_of_memory"


def test_all_images_of_a_request_share_one_allowance_of_cpu(int8_folder: Path, cell: bytes) -> None:
    slow = Service.load(int8_folder, Settings(decode_seconds=0.05))
    images = [{"b64": base64.b64encode(with_scans(1000, 1000, 15)).decode()}] * 20
    replies, _ = slow.reply_all([raw(json.dumps({"instances": images}).encode()), raw(cell)])
    assert [reply.status for reply in replies] == [422, 200]
    assert content(replies[0])["error"]["code"] == "decoding_too_slow"


def test_the_images_of_one_body_share_one_limit_of_pixels(int8_folder: Path) -> None:
    """Checked on all headers before any pixel is decoded: the first one here is no whole image."""
    picture = io.BytesIO()
    Image.new("1", (4000, 4000)).save(picture, "PNG")
    images = [{"b64": base64.b64encode(body).decode()} for body in (picture.getvalue()[:200], picture.getvalue())]
    service = Service.load(int8_folder, Settings(max_megapixels=25))
    reply = service.reply_all([raw(json.dumps({"instances": images}).encode())])[0][0]
    assert reply.status == 413
    assert content(reply)["error"]["message"].startswith("instances[1]: ")


def test_a_batch_larger_than_the_engine_takes_at_once_is_answered(service: Service, cells: list[bytes]) -> None:
    replies, report = service.reply_all([raw(cell) for cell in [*cells, *cells[:8]]])
    assert {reply.status for reply in replies} == {200}
    assert report.images == 40
    assert [_labels(reply) for reply in replies[:8]] == [_labels(reply) for reply in replies[32:]]


def test_both_arithmetics_of_an_int8_archive_give_the_same_labels(int8_folder: Path, cells: list[bytes]) -> None:
    answers = {}
    for arithmetic in ("int8", "fp32"):
        service = Service.load(int8_folder, Settings(arithmetic=arithmetic))
        assert service.describe()["arithmetic"] == arithmetic
        replies, _ = service.reply_all([raw(cell) for cell in cells])
        answers[arithmetic] = [content(reply)["predictions"][0]["label"] for reply in replies]
    agreement = sum(a == b for a, b in zip(answers["int8"], answers["fp32"], strict=True))
    assert agreement >= len(cells) - 1


def test_int8_forced_on_a_cpu_without_its_dot_product_is_in_the_log(
    int8_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx2": True})
    Service.load(int8_folder, Settings(arithmetic="int8"))
    assert "handler.arithmetic=int8, though this CPU has no int8 dot product" in caplog.text


def test_a_process_that_can_not_answer_does_not_become_ready(
    int8_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing_library(image: EncodedImage, to: Preprocessing) -> np.ndarray:
        raise ImportError("libjpeg.so.9")

    monkeypatch.setattr("handler.request.load_with_shape", missing_library)
    with pytest.raises(ArchiveError, match="warm-up"):
        Service.load(int8_folder, Settings())


def pictures() -> int:
    """Return how many of Pillow's images there are in this process."""
    # By the type itself: some libraries' objects warn when they are asked for their class.
    return sum(issubclass(type(each), Image.Image) for each in gc.get_objects())


def test_a_refused_image_is_let_go_at_once_and_not_when_garbage_is_collected(service: Service, cell: bytes) -> None:
    gc.collect()
    before = pictures()
    gc.disable()
    try:
        [reply], report = service.reply_all([raw(cell[: len(cell) // 2])])
        del report
        after = pictures()
    finally:
        gc.enable()
    assert (reply.status, after) == (400, before)
