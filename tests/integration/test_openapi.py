"""What the server answers is what web/openapi.json says."""

import base64
import http
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from benchmarks import hostile_bodies, hostile_images
from scripts.describing.document import errors
from scripts.serving import keys, processes
from scripts.serving.keys import Key
from tests.http_server import Answering
from tests.integration.described import check
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.operations
PREDICT = "/predictions/{model}"
PINNED = "/predictions/{model}/{version}"
EXPLAIN = "/explanations/{model}"
KSERVE = "/v1/models/{model}:predict"
# What is not provoked here, and where it is or why it is not.
ELSEWHERE = {
    "deadline_exceeded": "the edge's own 504 comes first; test_edge.py asks TorchServe itself",
    "decoding_too_slow": "seconds of a processor; tests/handler/test_decode.py",
    "internal_error": "a defect that nobody knows of; tests/handler/test_service.py",
    "out_of_memory": "tests/handler/test_service.py",
    "no_explanations": "by archives whose head can't be explained",
}


def provoke(answer: requests.Response, path: str, code: str, status: int) -> None:
    """Hold a refusal against the document."""
    assert (answer.json()["error"]["code"], answer.status_code) == (code, status), answer.text
    check(answer, path)


def faulty_images() -> dict[str, hostile_images.Hostile]:
    """Return an image of each kind of fault, by its code, but for what takes seconds."""
    images: dict[str, hostile_images.Hostile] = {}
    for image in hostile_images.all_of():
        if image.code not in (hostile_images.ANSWERED, "decoding_too_slow"):
            images.setdefault(image.code, image)
    return images


def asked_as_template(server: Server, path: str) -> str:
    return server.url + path.format(model=MODEL, version="2.0")


@pytest.mark.parametrize("path", [PREDICT, PINNED, KSERVE])
def test_a_prediction_is_as_described(server: Server, cells: list[bytes], path: str) -> None:
    url = asked_as_template(server, path)
    instances = {"instances": [{"b64": base64.b64encode(cell).decode()} for cell in cells[:2]]}
    check(requests.post(url, json=instances, timeout=60), path)
    check(requests.post(url, data=cells[0], headers={"content-type": "image/png"}, timeout=60), path)
    check(requests.post(url, files={"data": cells[0]}, params={"top_k": "1"}, timeout=60), path)


@pytest.mark.parametrize("path", [EXPLAIN, f"{EXPLAIN}/{{version}}"])
def test_an_explanation_is_as_described(server: Server, cell: bytes, path: str) -> None:
    url = asked_as_template(server, path)
    instances = {"instances": [{"b64": base64.b64encode(cell).decode()}] * 2}
    for answer in (
        requests.post(url, data=cell, timeout=60),
        requests.post(f"{url}?format=map&class=1", data=cell, timeout=60),
        requests.post(f"{url}?format=map", json=instances, timeout=60),
        requests.post(url, data=cell, headers={"x-class": "1", "x-format": "map"}, timeout=60),
    ):
        assert answer.status_code == 200, answer.text
        check(answer, path)
    provoke(requests.post(f"{url}?class=none", data=cell, timeout=60), path, "unknown_class", 400)
    provoke(requests.post(f"{url}?format=jpeg", data=cell, timeout=60), path, "invalid_format", 400)


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/v1/models/{model}"])
def test_what_says_whether_it_is_ready_is_as_described(server: Server, path: str) -> None:
    answer = requests.get(asked_as_template(server, path), timeout=10)
    assert answer.status_code == 200
    check(answer, path)


def test_each_hostile_body_is_refused_as_described(server: Server) -> None:
    for body in hostile_bodies.all_of():
        headers = {
            name: value.encode("latin-1") for name, value in {"content-type": body.content_type, **body.headers}.items()
        }
        answer = requests.post(asked_as_template(server, PREDICT), data=body.content, headers=headers, timeout=60)
        if answer.status_code == 200:
            check(answer, PREDICT)
        else:
            provoke(answer, PREDICT, body.code, answer.status_code)


def test_an_image_of_each_kind_of_fault_is_refused_as_described(server: Server) -> None:
    for code, image in faulty_images().items():
        answer = requests.post(asked_as_template(server, PINNED), data=image.make(), timeout=60)
        provoke(answer, PINNED, code, answer.status_code)


def test_what_the_edge_refuses_is_as_described(server: Server, cell: bytes) -> None:
    url = asked_as_template(server, PREDICT)
    provoke(requests.post(f"{url}?top_k=0", data=cell, timeout=60), PREDICT, "invalid_top_k", 400)
    provoke(requests.post(f"{url}?top_k=%00", data=cell, timeout=60), PREDICT, "refused", 400)
    provoke(requests.post(url, headers={"x-long": "x" * 40_000}, timeout=60), PREDICT, "refused", 431)
    provoke(requests.post(f"{url}/9.9", data=cell, timeout=60), PINNED, "not_found", 404)
    provoke(requests.post(url, data=b"x" * 16_000_001, timeout=60), PREDICT, "body_too_large", 413)
    wrong = requests.put(url, timeout=60)
    assert (wrong.json()["error"]["code"], wrong.status_code) == ("method_not_allowed", 405)


class Slow(Answering):
    """A TorchServe without a ready worker, which does as the body says."""

    waits, free = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        self.answer(b'{"status": "UNLOADED"}')

    def do_POST(self) -> None:
        body = self.body()
        if body == b"hang up":
            self.close_connection = True
            return
        if body == b"wait":
            self.waits.set()
            self.free.wait(30)
        said = json.dumps({"code": 500, "type": "X", "message": "no"}, indent=2)
        self.answer(said.encode(), http.HTTPStatus.INTERNAL_SERVER_ERROR)


@pytest.fixture
def slow_edge() -> Iterator[LoneEdge]:
    Slow.free.clear()
    Slow.waits.clear()
    known = {"ann": Key(hash=keys.hashed("secret")), "bob": Key(hash=keys.hashed("secret"), requests_per_s=1)}
    with lone_edge(Slow, admitted=known, requests_at_once=1, timeout_s=5, address="127.0.0.1") as edge:
        yield edge
        Slow.free.set()


def test_what_the_edge_says_of_a_server_in_trouble_and_of_keys_is_as_described(slow_edge: LoneEdge) -> None:
    url = slow_edge.url
    site = url.removesuffix(f"/predictions/{MODEL}")

    def ask(body: bytes, name: str = "ann") -> requests.Response:
        return requests.post(url, data=body, headers={"x-api-key": f"{name}.secret"}, timeout=30)

    provoke(requests.post(url, data=b"x", timeout=30), PREDICT, "unauthorized", 401)
    provoke(ask(b"hang up"), PREDICT, "unavailable", 503)
    provoke(ask(b"fail"), PREDICT, "server_error", 500)
    # His bucket gets one a second: the second request may come later than that.
    answers = (ask(b"fail", "bob") for _ in range(10))
    provoke(next(answer for answer in answers if answer.status_code == 429), PREDICT, "rate_limited", 429)
    assert processes.wait_until(lambda: requests.get(f"{site}/healthz", timeout=10).status_code == 503, 30)
    provoke(requests.get(f"{site}/healthz", timeout=10), "/healthz", "not_ready", 503)
    ready = requests.get(f"{site}/v1/models/{MODEL}", headers={"x-api-key": "ann.secret"}, timeout=10)
    provoke(ready, "/v1/models/{model}", "not_ready", 503)
    pinned, key = f"{url}/1.0", {"x-api-key": "ann.secret"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(requests.post, pinned, b"wait", headers=key, timeout=30)
        assert Slow.waits.wait(10)
        provoke(requests.post(pinned, b"x", headers=key, timeout=30), PINNED, "overloaded", 503)
        provoke(waiting.result(), PINNED, "timeout", 504)


def test_an_upload_that_stalls_is_given_up_as_described(slow_edge: LoneEdge) -> None:
    head = f"POST /predictions/{MODEL} HTTP/1.1\r\nhost: a\r\nx-api-key: ann.secret\r\ncontent-length: 10\r\n\r\nx"
    with socket.create_connection(("127.0.0.1", slow_edge.ports.edge), 30) as connection:
        connection.sendall(head.encode())
        answered = http.client.HTTPResponse(connection, method="POST")
        answered.begin()
        content = json.loads(answered.read())
    assert (content["error"]["code"], answered.status) == ("timeout", 408)


def test_every_documented_error_is_provoked_here_or_named_with_where_it_is() -> None:
    """By the text of this file, whichever of its tests run: each asks for a `"code", status)`."""
    written = {(code, int(status)) for code, status in re.findall(r'"(\w+)", (\d{3})\)', Path(__file__).read_text())}
    hostile = faulty_images().keys() | {body.code for body in hostile_bodies.all_of()}
    documented = {(error.code, error.status) for error in errors()}
    of_images = {(error.code, error.status) for error in errors() if error.group == "image" and error.code in hostile}
    assert written <= documented
    assert {code for code, _ in documented - written - of_images} == ELSEWHERE.keys()
