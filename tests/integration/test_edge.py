"""What callers meet: the split, the paths, the limits, the errors."""

import json
import math
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from scripts.serving import processes
from scripts.serving.edge import Edge
from scripts.serving.places import Ports
from tests.integration.server import MODEL, Server

USERS = [f"user-{number}" for number in range(1000)]


def versions_of(server: Server, cell: bytes, users: list[str]) -> dict[str, str]:
    def version(user: str) -> str:
        answer = server.predict(cell, headers={"x-user-id": user})
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-model-version"] == answer.json()["version"]
        return answer.headers["x-model-version"]

    with ThreadPoolExecutor(16) as pool:
        return dict(zip(users, pool.map(version, users), strict=True))


@pytest.fixture(scope="module")
def met(server: Server, cell: bytes) -> dict[str, str]:
    """Return the version that each of the fixed users met at 90/10."""
    return versions_of(server, cell, USERS)


def binomial_interval(trials: int, probability: float, confidence: float) -> range:
    """Return the central counts that hold at least `confidence` of a binomial distribution."""
    mass = [math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k) for k in range(trials + 1)]
    tail = (1 - confidence) / 2
    low = next(k for k in range(trials + 1) if sum(mass[: k + 1]) > tail)
    high = next(k for k in range(trials, -1, -1) if sum(mass[k:]) > tail)
    return range(low, high + 1)


def test_a_thousand_users_at_90_10_fall_within_the_99_percent_binomial_interval(met: dict[str, str]) -> None:
    assert Counter(met.values())["2.0"] in binomial_interval(1000, 0.10, 0.99)


def test_a_user_meets_the_same_version_every_time(server: Server, cell: bytes, met: dict[str, str]) -> None:
    few = [user for user in USERS if met[user] == "2.0"][:20] + [user for user in USERS if met[user] == "1.0"][:20]
    assert versions_of(server, cell, few) == {user: met[user] for user in few}


def test_without_a_user_id_both_versions_answer_in_the_end(server: Server, cell: bytes) -> None:
    # 0.9 ** 400 is 5e-19.
    assert any(server.predict(cell).headers["x-model-version"] == "2.0" for _ in range(400))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_pinned_path_always_leads_to_its_version(server: Server, cell: bytes, version: str) -> None:
    for user in USERS[:5]:
        answer = server.predict(cell, version, headers={"x-user-id": user, "x-model-version": "9.9"})
        assert (answer.status_code, answer.headers["x-model-version"], answer.json()["version"]) == (
            200,
            version,
            version,
        )


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_header_pins_a_version_whoever_the_caller_is(server: Server, cell: bytes, version: str) -> None:
    for number in range(20):
        headers = {"x-model-version": version, "x-user-id": f"user-{number}"}
        assert server.predict(cell, headers=headers).headers["x-model-version"] == version


def test_a_header_that_pins_no_known_version_is_refused_and_not_drawn(server: Server, cell: bytes) -> None:
    answer = server.predict(cell, headers={"x-model-version": "9.9"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert "x-model-version" not in answer.headers


def test_top_k_comes_from_the_query_or_the_header(server: Server, cell: bytes) -> None:
    assert len(server.predict(cell, params={"top_k": "1"}).json()["predictions"]) == 1
    assert len(server.predict(cell, headers={"x-top-k": "1"}).json()["predictions"]) == 1
    assert len(server.predict(cell).json()["predictions"]) == 2


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json; x=1"])
def test_an_image_is_an_image_whatever_the_client_calls_it(server: Server, cell: bytes, content_type: str) -> None:
    answer = server.predict(cell, headers={"content-type": content_type})
    # What matters is that the handler decides, on the bytes as they were sent; JSON it may refuse.
    assert answer.status_code == (400 if "json" in content_type else 200), answer.text
    assert answer.headers["content-type"] == "application/json"


def test_an_answer_carries_the_callers_request_id_or_a_new_one(server: Server, cell: bytes) -> None:
    mine = server.predict(cell, headers={"x-request-id": "order-66"})
    assert mine.headers["x-request-id"] == mine.json()["request_id"] == "order-66"
    given = server.predict(cell)
    assert given.headers["x-request-id"] == given.json()["request_id"]
    assert requests.get(f"{server.url}/nothing", timeout=10).headers["x-request-id"]


def test_a_body_over_the_cap_gets_413_in_json_and_names_no_version(server: Server) -> None:
    for body in (b"x" * 16_000_001, iter([b"x" * 8_000_000, b"x" * 8_000_001])):
        answer = requests.post(f"{server.url}/predictions/{MODEL}", data=body, timeout=60)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "body_too_large"
        assert "16000000" in answer.json()["error"]["message"]
        assert "x-model-version" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", [f"/predictions/{MODEL}", f"/predictions/{MODEL}/1.0"])
def test_predictions_take_post_only(server: Server, method: str, path: str) -> None:
    answer = requests.request(method, server.url + path, timeout=10)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/ping",
        "/models",
        f"/models/{MODEL}",
        "/metrics",
        "/api-description",
        "/predictions",
        "/predictions/other",
        f"/predictions/{MODEL}/9.9",
        f"/predictions/{MODEL}/1.0/more",
        "/explanations",
        "/explanations/other",
        f"/explanations/{MODEL}/9.9",
        f"/v1/models/{MODEL}:explain",
        f"/v1/models/{MODEL}/versions/1.0:predict",
        "/v1/models/other",
        "/v2/models",
        "/workflows",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_of_torchserve_can_be_reached(server: Server, method: str, path: str) -> None:
    answer = requests.request(method, server.url + path, timeout=10)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("path", [f"/predictions/{MODEL}/..%2f..%2fmodels", f"/predictions/{MODEL}%2f1.0"])
def test_an_escaped_slash_is_refused(server: Server, path: str) -> None:
    answer = requests.post(server.url + path, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "refused"


def test_a_caller_can_not_ask_the_handler_for_its_description(server: Server, cell: bytes) -> None:
    answer = server.predict(cell, headers={"describe": "True", "explain": "True"})
    assert "predictions" in answer.json()


def test_a_caller_can_not_shorten_the_edges_time_out(server: Server, cell: bytes) -> None:
    answer = server.predict(cell, headers={"x-envoy-upstream-rq-timeout-ms": "1", "x-envoy-max-retries": "9"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/healthz?from=balancer"), ("HEAD", "/healthz")])
def test_healthz_takes_what_load_balancers_send(server: Server, method: str, path: str) -> None:
    assert requests.request(method, server.url + path, timeout=10).status_code == 200


def test_healthz_says_ok(server: Server) -> None:
    answer = requests.get(f"{server.url}/healthz", timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert requests.post(f"{server.url}/healthz", timeout=10).status_code == 405


def test_the_access_log_says_who_answered_what_and_how_long_it_took(server: Server, cell: bytes) -> None:
    server.predict(cell, "2.0", headers={"x-request-id": "logged-once"})

    def logged() -> list[dict[str, object]]:
        lines = (server.run_dir / "access.log").read_text().splitlines()
        return [entry for line in lines if (entry := json.loads(line))["request_id"] == "logged-once"]

    assert processes.wait_until(logged, 30)
    [entry] = logged()
    assert entry["version"] == "2.0"
    assert entry["status"] == 200
    assert entry["method"] == "POST"
    assert entry["path"] == f"/predictions/{MODEL}/2.0"
    assert entry["route"] == "pinned"
    assert entry["bytes_in"] == len(cell)
    assert isinstance(entry["ms"], int)
    assert entry["shadow"] is False


def test_a_full_access_log_is_put_aside_and_a_new_one_begun(server: Server, cell: bytes) -> None:
    log = server.run_dir / "access.log"
    assert processes.wait_until(lambda: log.stat().st_size > 0, 30)
    Edge(server.run_dir, Ports(**server.ports), MODEL).rotate_access_log(limit_bytes=1)
    assert log.with_suffix(".log.1").stat().st_size > 0
    server.predict(cell, headers={"x-request-id": "after-the-rotation"})
    assert processes.wait_until(lambda: log.is_file() and "after-the-rotation" in log.read_text(), 30)


def test_the_handlers_metrics_name_the_version(server: Server, cell: bytes) -> None:
    server.predict(cell, "2.0")
    metrics = requests.get(server.metrics_url, timeout=10).text
    names = {line.split("{")[0] for line in metrics.splitlines() if 'ModelVersion="2.0"' in line}
    assert {"Images", "BadImages", "PreprocessTime_count", "InferenceTime_sum", "BatchSize_count"} <= names


def test_a_request_that_the_edge_gave_up_is_not_worked_on_and_is_counted(server: Server, cell: bytes) -> None:
    # As one that comes out of the queue after 40 of the 30 seconds.
    headers = {"x-request-deadline": f"{round(1000 * (time.time() - 40))}+30000", "content-type": "image/png"}
    answer = requests.post(f"{server.inference_url}/predictions/{MODEL}/1.0", data=cell, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")

    def counted() -> bool:
        text = requests.get(server.metrics_url, timeout=10).text
        return re.search(r'^ExpiredRequests\{.*ModelVersion="1.0".*\} [1-9]', text, flags=re.MULTILINE) is not None

    assert processes.wait_until(counted, 10)
