"""KServe's protocol v1, as `InferenceRESTClient` of the package kserve 0.21.0 asks it (docs/api.md)."""

import base64
from collections.abc import Iterator

import pytest
import requests

from scripts.serving import processes
from tests.http_server import Answering
from tests.integration.lone_edge import lone_edge
from tests.integration.server import MODEL, Server

# What its httpx and orjson send.
HEADERS = {"accept": "*/*", "user-agent": "python-httpx/0.28.1", "content-type": "application/json"}


def infer(server: Server, *images: bytes, **headers: str) -> requests.Response:
    """Send what `client.infer(url, {"instances": […]}, model_name=…)` does."""
    instances = [{"b64": base64.b64encode(image).decode()} for image in images]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{server.url}/v1/models/{MODEL}:predict"
    return requests.post(url, json={"instances": instances}, headers=HEADERS | named, timeout=60)


def test_infer_answers_a_list_of_predictions_an_instance(server: Server, cells: list[bytes]) -> None:
    answer = infer(server, *cells[:3])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert [len(ranked) for ranked in answer.json()["predictions"]] == [2, 2, 2]
    assert answer.headers["x-model-version"] == answer.json()["version"]


def test_a_user_meets_the_version_that_it_meets_by_the_path_of_predictions(server: Server, cell: bytes) -> None:
    met = set()
    for number in range(30):
        user = f"user-{number}"
        versions = [
            answer.headers["x-model-version"]
            for answer in (infer(server, cell, x_user_id=user), server.predict(cell, headers={"x-user-id": user}))
        ]
        assert versions[0] == versions[1]
        met |= set(versions)
    # 0.9 ** 30 is 0.04, but these users are always the same.
    assert met == {"1.0", "2.0"}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_header_pins_a_version(server: Server, cell: bytes, version: str) -> None:
    for number in range(3):
        answer = infer(server, cell, x_model_version=version, x_user_id=f"user-{number}")
        assert answer.headers["x-model-version"] == version


def test_a_refused_instance_is_named_in_the_error(server: Server, cell: bytes) -> None:
    answer = infer(server, cell, cell[:500])
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["message"][:13]) == ("truncated_image", "instances[1]:")


def test_the_model_is_listed_and_ready(server: Server) -> None:
    """What `client.is_model_ready(url, name)` asks, and a list besides."""
    listed = requests.get(f"{server.url}/v1/models", timeout=10)
    assert listed.headers["content-type"] == "application/json"
    assert listed.json() == {"models": [MODEL]}
    answer = requests.get(f"{server.url}/v1/models/{MODEL}", headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"name": MODEL, "ready": True})


@pytest.mark.parametrize("path", ["/v1/models", f"/v1/models/{MODEL}", f"/v1/models/{MODEL}:predict"])
def test_another_method_is_refused_and_told_which_is_allowed(server: Server, path: str) -> None:
    allowed = "POST" if path.endswith(":predict") else "GET"
    for method in {"GET", "POST", "PUT"} - {allowed}:
        answer = requests.request(method, server.url + path, timeout=10)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


class NeverReady(Answering):
    """A TorchServe whose worker starts and starts."""

    def do_GET(self) -> None:
        self.answer(b'{"status": "UNLOADED"}')


@pytest.fixture
def edge_of_no_worker() -> Iterator[str]:
    with lone_edge(NeverReady) as edge:
        yield edge.url.removesuffix(f"/predictions/{MODEL}")


def test_a_model_without_a_ready_worker_is_503_which_the_client_reads_as_not_ready(edge_of_no_worker: str) -> None:
    def asked() -> requests.Response:
        return requests.get(f"{edge_of_no_worker}/v1/models/{MODEL}", timeout=10)

    assert processes.wait_until(lambda: asked().status_code == 503, 30)
    assert asked().json()["error"]["code"] == "not_ready"
    assert asked().headers["retry-after"] == "1"
