"""Grad-CAM by the archive's own graphs: beside predictions, as numbers and as a picture."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from handler.errors import ArchiveError, UnknownClass
from handler.metadata import Arithmetic
from handler.overlay import COLOURS, png
from handler.predictions import of_batch
from handler.request import Request
from handler.responses import Reply
from handler.service import Service
from handler.settings import Settings
from handler.wanted import parse_wanted
from scripts.serving.places import REPOSITORY


@pytest.fixture(scope="module")
def float32(float32_folder: Path) -> Service:
    return Service.load(float32_folder, Settings())


def asked(body: bytes, **headers: str) -> Request:
    return Request({"body": body}, {"explain": "True"} | {f"x-{name}": text for name, text in headers.items()}, "id")


def explained(reply: Reply) -> Any:
    assert (reply.status, reply.content_type) == (200, "application/json"), reply.body
    return json.loads(reply.body)["explanation"]


def weights(service: Service, cell: bytes, label: str) -> Any:
    [reply], _ = service.reply_all([asked(cell, format="map", **{"class": label})])
    found = explained(reply)
    return np.array(found["map"]) * found["peak"]


def test_an_explanation_shares_a_batch_with_predictions_and_changes_none(float32: Service, cells: list[bytes]) -> None:
    alone, _ = float32.reply_all([Request({"body": cell}, {}, "id") for cell in cells[:3]])
    batch = [Request({"body": cells[0]}, {}, "id"), asked(cells[1], format="map")]
    batch += [Request({"body": cells[1]}, {}, "id"), asked(cells[1]), Request({"body": cells[2]}, {}, "id")]
    replies, report = float32.reply_all(batch)
    predicted = [json.loads(replies[place].body)["predictions"] for place in (0, 2, 4)]
    for found, expected in zip(predicted, alone, strict=True):
        best = json.loads(expected.body)["predictions"][0]
        assert found[0]["label"] == best["label"]
        assert found[0]["probability"] == pytest.approx(best["probability"], abs=1e-4)
    assert explained(replies[1])["label"] == predicted[1][0]["label"]
    assert explained(replies[1])["probability"] == pytest.approx(predicted[1][0]["probability"], abs=1e-4)
    assert (report.images, report.bad) == (5, 0)


def test_the_map_goes_from_0_to_1_and_names_its_peak_and_where_it_lies(float32: Service, cell: bytes) -> None:
    [reply], _ = float32.reply_all([asked(cell, format="map")])
    found = explained(reply)
    values = np.array(found["map"])
    assert values.shape == (7, 7)
    assert (values.min() >= 0, values.max()) == (True, 1)
    assert found["peak"] > 0
    assert found["method"] == "grad-cam"
    # A cell is square, and resize is crop.
    assert found["region"] == {"left": 0, "top": 0, "right": 1, "bottom": 1}


def test_a_class_is_chosen_by_label_or_index_and_has_a_map_of_its_own(float32: Service, cell: bytes) -> None:
    best, by_label, by_index, other = (
        explained(reply)
        for reply in float32.reply_all(
            [asked(cell, format="map")]
            + [asked(cell, format="map", **{"class": name}) for name in ("defective", "1", "functional")]
        )[0]
    )
    assert best == by_label == by_index
    assert (best["label"], other["label"], other["index"]) == ("defective", "functional", 0)
    assert other["probability"] == pytest.approx(1 - best["probability"], abs=1e-5)
    # What speaks for one of two classes speaks against the other.
    assert spearmanr(np.ravel(best["map"]), np.ravel(other["map"])).statistic < 0


@pytest.mark.parametrize("name", ["defectiv", "2", "-1", "1.0", "\u0661", "9" * 5000])
def test_an_unknown_class_is_refused_with_the_nearest_label_and_the_range(
    float32: Service, cell: bytes, name: str
) -> None:
    [reply], _ = float32.reply_all([asked(cell, **{"class": name})])
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"]) == (400, "unknown_class")
    assert "0 to 1" in error["message"]
    assert len(error["message"]) < 200
    if name == "defectiv":
        assert "'defective'" in error["message"]


def test_labels_that_are_numbers_are_meant_before_indices() -> None:
    assert parse_wanted({"x-class": "1"}, ("1", "0")).index == 0
    assert parse_wanted({"x-class": "0"}, ("a", "b")).index == 0
    with pytest.raises(UnknownClass):
        parse_wanted({"x-class": "2"}, ("a", "b"))


@pytest.mark.parametrize(("label", "coding"), [("größer", "utf-8"), ("größer", "latin-1"), ("日本", "utf-8")])
def test_a_label_beyond_ascii_is_found_as_its_bytes_come_out_of_a_header(label: str, coding: str) -> None:
    labels = ("kleiner", "größer", "日本")
    assert parse_wanted({"x-class": label.encode(coding).decode("latin-1")}, labels).index == labels.index(label)


def test_a_png_shows_what_the_network_saw_with_the_map_over_it(float32: Service, cell: bytes) -> None:
    as_map, as_png = float32.reply_all([asked(cell, format="map"), asked(cell)])[0]
    assert (as_png.status, as_png.content_type) == (200, "image/png")
    found = np.asarray(Image.open(io.BytesIO(as_png.body)).convert("RGB"), np.float32)
    side = float32.metadata.preprocessing.crop
    plain = Image.open(io.BytesIO(cell)).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    changed = np.abs(found - np.asarray(plain, np.float32)).mean(axis=2)
    block = side // 7
    by_place = changed[: 7 * block, : 7 * block].reshape(7, block, 7, block).mean(axis=(1, 3))
    assert spearmanr(by_place.ravel(), np.ravel(explained(as_map)["map"])).statistic > 0.8


def test_where_the_map_is_0_the_image_stays_and_more_is_lighter_even_in_grey() -> None:
    image = np.full((3, 64, 64), 100, np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(png(image, np.zeros((4, 4), np.float32))))) == 100).all()
    black = np.zeros((3, 64, 64), np.uint8)
    ramp = np.linspace(0, 1, 32, dtype=np.float32)[np.newaxis]
    grey = np.asarray(Image.open(io.BytesIO(png(black, ramp))).convert("L"), int)[0]
    assert (np.diff(grey) >= 0).all()
    assert grey[-1] > 150


def test_the_pages_colours_are_the_pictures() -> None:
    script = (REPOSITORY / "web" / "assets" / "overlay.js").read_text()
    [listed] = re.findall(r"COLOURS = (\[.*?\]);", script, re.DOTALL)
    assert json.loads(listed) == COLOURS.tolist()


def test_instances_are_explained_by_a_list_and_not_by_a_picture(float32: Service, cells: list[bytes]) -> None:
    body = json.dumps({"instances": [{"b64": base64.b64encode(cell).decode()} for cell in cells[:3]]}).encode()
    as_map, as_png = float32.reply_all([asked(body, format="map"), asked(body)])[0]
    each = [explained(reply) for reply in float32.reply_all([asked(cell, format="map") for cell in cells[:3]])[0]]
    assert explained(as_map) == each
    error = json.loads(as_png.body)["error"]
    assert (as_png.status, error["code"]) == (400, "invalid_format")
    assert "format=map" in error["message"]


def test_another_format_is_refused(float32: Service, cell: bytes) -> None:
    [reply], _ = float32.reply_all([asked(cell, format="gif")])
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (400, "invalid_format")


def test_a_bad_image_gets_the_error_that_a_prediction_gets(float32: Service, cell: bytes) -> None:
    bad, good = float32.reply_all([asked(cell[:3000]), asked(cell)])[0]
    assert (bad.status, json.loads(bad.body)["error"]["code"], good.status) == (400, "truncated_image", 200)


@pytest.mark.parametrize(
    ("width", "height", "orientation", "expected"),
    [
        (400, 300, 1, {"left": 0.125, "top": 0, "right": 0.875, "bottom": 1}),
        (400, 300, 6, {"left": 0, "top": 0.125, "right": 1, "bottom": 0.875}),
    ],
)
def test_the_region_is_that_of_the_upright_image(
    float32: Service, width: int, height: int, orientation: int, expected: dict[str, float]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(stream, "JPEG", exif=exif)
    [reply], _ = float32.reply_all([asked(stream.getvalue(), format="map")])
    assert explained(reply)["region"] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("arithmetic", ["int8", "fp32"])
@pytest.mark.parametrize("label", ["functional", "defective"])
def test_int8_points_at_the_same_places(
    float32: Service, int8_folder: Path, cells: list[bytes], arithmetic: Arithmetic, label: str
) -> None:
    int8 = Service.load(int8_folder, Settings(arithmetic=arithmetic))
    pairs = [(weights(float32, cell, label), weights(int8, cell, label)) for cell in cells]
    # A map that is almost nowhere above 0 has no ranks to speak of; benchmarks/results/explanations.md has all cells.
    ranks = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in pairs if (one > 0).mean() > 0.25]
    assert len(ranks) >= 4
    assert np.mean(ranks) >= 0.95


def test_a_defect_of_ours_in_an_explanation_leaves_its_neighbours_their_answers(
    float32: Service, cell: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.overlay.png", lambda *_: 1 / 0)
    replies, report = float32.reply_all([asked(cell), Request({"body": cell}, {}, "id"), asked(cell, format="map")])
    assert [reply.status for reply in replies] == [500, 200, 200]
    assert (json.loads(replies[0].body)["error"]["code"], report.bad) == ("internal_error", 1)


def test_a_process_that_can_not_explain_does_not_become_ready(
    float32_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.engine.Engine.explain", lambda *_: 1 / 0)
    with pytest.raises(ArchiveError, match="warm-up"):
        Service.load(float32_folder, Settings())
    monkeypatch.setattr("handler.engine.Engine.explains", False)
    assert Service.load(float32_folder, Settings())


def test_an_archive_without_maps_refuses_explanations_alone(
    float32: Service, cell: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.engine.Engine.explains", False)
    replies, _ = float32.reply_all([asked(cell), Request({"body": cell}, {}, "id")])
    assert [reply.status for reply in replies] == [501, 200]
    assert json.loads(replies[0].body)["error"]["code"] == "no_explanations"


def test_an_explanation_is_not_logged_as_a_prediction(float32: Service, cell: bytes) -> None:
    _, report = float32.reply_all([asked(cell), asked(b"none"), Request({"body": cell}, {}, "id")])
    assert len(list(of_batch(report, "1.0", float32.metadata.labels, 1))) == 1
