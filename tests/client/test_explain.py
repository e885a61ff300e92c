"""Explanations, as the contract has them."""

import pytest

from mobilenet_v3_client import Client, InvalidRequest, UnexpectedAnswer
from tests.client.stub import Stub, answer, refuse

SAID = {
    "model": "mobilenet_v3",
    "version": "2.0",
    "request_id": "asked-1",
    "explanation": {
        "label": "defective",
        "index": 1,
        "probability": 0.75,
        "method": "grad-cam",
        "map": [[0, 0.5], [1, 0.25]],
        "peak": 3.5,
        "region": {"left": 0.125, "top": 0, "right": 0.875, "bottom": 1},
    },
}
PNG = b"\x89PNG\r\n\x1a\nand so on"


def test_a_map_has_what_the_server_says(stub: Stub, client: Client) -> None:
    stub.always = answer(said=SAID)
    found = client.explain_map(b"image", class_=1, version="2.0", user="ann")
    assert (found.label, found.index, found.probability, found.method) == ("defective", 1, 0.75, "grad-cam")
    assert (found.map, found.peak) == (((0.0, 0.5), (1.0, 0.25)), 3.5)
    assert (found.region.left, found.region.top, found.region.right, found.region.bottom) == (0.125, 0, 0.875, 1)
    assert (found.model, found.version, found.request_id) == ("mobilenet_v3", "2.0", "asked-1")
    [request] = stub.asked
    assert request.path == "/explanations/mobilenet_v3/2.0?format=map&class=1"
    assert (request.body, request.headers["x-user-id"]) == (b"image", "ann")


def test_a_picture_is_a_png_or_an_error(stub: Stub, client: Client) -> None:
    stub.then(answer(said=PNG), answer(said=SAID))
    assert client.explain(b"image", class_="défectueux & co") == PNG
    assert stub.asked[0].path == "/explanations/mobilenet_v3?format=png&class=d%C3%A9fectueux+%26+co"
    with pytest.raises(UnexpectedAnswer, match="without a PNG"):
        client.explain(b"image")


def test_what_the_server_refuses_is_raised(stub: Stub, client: Client) -> None:
    stub.then(refuse(400, "unknown_class"))
    with pytest.raises(InvalidRequest, match=r"unknown_class \(400\)"):
        client.explain(b"image", class_="cat")


@pytest.mark.parametrize("missing", ["explanation", "version"])
def test_half_an_answer_is_none(stub: Stub, client: Client, missing: str) -> None:
    stub.always = answer(said={key: value for key, value in SAID.items() if key != missing})
    with pytest.raises(UnexpectedAnswer, match=missing):
        client.explain_map(b"image")
