"""Explanations by the real servers, through the edge."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from PIL import Image

from tests.integration.server import MODEL, Server

PATH = f"/explanations/{MODEL}"


def explain(server: Server, body: bytes, path: str = "", **options: Any) -> requests.Response:
    headers = {"content-type": "image/png"} | options.pop("headers", {})
    return requests.post(server.url + PATH + path, data=body, headers=headers, timeout=60, **options)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_version_explains_what_it_predicts(server: Server, cell: bytes, version: str) -> None:
    predicted = server.predict(cell, version).json()["predictions"][0]
    answer = explain(server, cell, f"/{version}?format=map", headers={"x-request-id": "why"})
    assert answer.status_code == 200
    assert answer.headers["x-model-version"] == version
    body = answer.json()
    assert (body["model"], body["version"], body["request_id"]) == (MODEL, version, "why")
    assert {key: body["explanation"][key] for key in predicted} == predicted
    assert max(map(max, body["explanation"]["map"])) == 1


def test_a_picture_is_what_comes_without_asking(server: Server, cell: bytes) -> None:
    answer = explain(server, cell)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.content)).size == (224, 224)
    assert answer.headers["x-model-version"] in ("1.0", "2.0")


def test_a_class_is_chosen_in_the_address_or_by_header(server: Server, cell: bytes) -> None:
    by_query = explain(server, cell, "/1.0?format=map&class=functional").json()["explanation"]
    by_header = explain(server, cell, "/1.0", headers={"x-format": "map", "x-class": "0"}).json()["explanation"]
    assert by_query["label"] == "functional"
    assert by_query == by_header


@pytest.mark.parametrize(
    ("query", "code"),
    [("class=broken", "unknown_class"), ("format=svg", "invalid_format")],
)
def test_what_it_can_not_explain_is_refused_in_the_contracts_words(
    server: Server, cell: bytes, query: str, code: str
) -> None:
    answer = explain(server, cell, f"?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json()["error"]["code"] == code


def test_a_class_beyond_ascii_arrives_as_it_was_asked_for(server: Server, cell: bytes) -> None:
    by_query = explain(server, cell, "?class=caf%C3%A9%20%2B")
    by_header = explain(server, cell, headers={"x-class": "café +".encode()})
    for answer in (by_query, by_header):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_class")
        assert "'café +'" in answer.json()["error"]["message"]


def test_it_goes_by_the_split_and_keeps_to_a_users_version(server: Server, cell: bytes) -> None:
    users = [{"x-user-id": f"user-{number}"} for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        predicted = list(pool.map(lambda user: server.predict(cell, headers=user), users))
        explained = list(pool.map(lambda user: explain(server, cell, headers=user), users))
    assert {answer.status_code for answer in (*predicted, *explained)} == {200}
    versions = [answer.headers["x-model-version"] for answer in explained]
    assert versions == [answer.headers["x-model-version"] for answer in predicted]
    assert set(versions) == {"1.0", "2.0"}


def test_a_browsers_cookie_of_a_prediction_is_sent_with_its_explanation(server: Server, cell: bytes) -> None:
    for _ in range(5):
        with requests.Session() as browser:
            image = {"data": cell, "headers": {"content-type": "image/png"}, "timeout": 60}
            predicted = browser.post(f"{server.url}/predictions/{MODEL}", **image)
            explained = browser.post(server.url + PATH, **image)
        assert explained.headers["x-model-version"] == predicted.headers["x-model-version"]
        assert "set-cookie" not in explained.headers


def test_predictions_and_explanations_at_once_get_each_their_own(server: Server, cells: list[bytes]) -> None:
    alone = [server.predict(cell, "2.0").json()["predictions"] for cell in cells[:4]]

    def ask(number: int) -> None:
        cell, expected = cells[number % 4], alone[number % 4]
        if number % 3:
            assert server.predict(cell, "2.0").json()["predictions"] == expected
        else:
            found = explain(server, cell, "/2.0?format=map").json()["explanation"]
            assert (found["label"], found["probability"]) == (expected[0]["label"], expected[0]["probability"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(48)))


def test_a_form_and_instances_are_explained_too(server: Server, cell: bytes) -> None:
    form = requests.post(f"{server.url}{PATH}?format=map", files={"data": cell}, timeout=60)
    assert form.json()["explanation"]["label"] == "defective"
    body = json.dumps({"instances": [{"b64": "AAAA"}]})
    bad = explain(server, body.encode(), "?format=map", headers={"content-type": "application/json"})
    assert (bad.status_code, bad.json()["error"]["code"]) == (415, "unsupported_format")


@pytest.mark.parametrize("path", ["", "/1.0"])
def test_only_post_explains(server: Server, path: str) -> None:
    answer = requests.get(server.url + PATH + path, timeout=10)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_prediction_asked_for_with_the_headers_of_an_explanation_is_a_prediction(server: Server, cell: bytes) -> None:
    assert "predictions" in server.predict(cell, headers={"x-format": "map", "x-class": "0", "explain": "True"}).json()
