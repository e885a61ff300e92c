"""What a front does with a request, and with a replica that fails it: a real Envoy over small servers."""

import http
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest
import requests

from scripts.serving import processes
from scripts.serving.traffic import Replica
from tests.http_server import serving
from tests.integration.lone_front import LoneFront, Reply, StubReplica, answer, hang_up, lone_front, send

IMAGE = b"an image"
ENOUGH = 40
"""Requests, of which either of two replicas certainly gets some."""


def ask(front: LoneFront) -> requests.Response:
    return requests.post(front.url, data=IMAGE, timeout=20)


def statuses(front: LoneFront, requests_sent: int = ENOUGH) -> Counter[int]:
    return Counter(ask(front).status_code for _ in range(requests_sent))


def becomes(condition: Callable[[], bool]) -> bool:
    return processes.wait_until(condition, 15)


def echo(handler: BaseHTTPRequestHandler) -> None:
    """Answer with what came."""
    said = {"path": handler.path, "headers": {name.lower(): value for name, value in handler.headers.items()}}
    send(handler, 200, json.dumps(said).encode(), set_cookie="version_key=7; HttpOnly", x_model_version="2.0")


def test_a_request_and_its_answer_pass_unchanged() -> None:
    headers = {
        "content-type": "image/png",
        "x-user-id": "ann",
        "x-model-version": "2.0",
        "x-top-k": "2",
        "cookie": "version_key=7",
        "x-request-id": "mine",
        "authorization": "Bearer secret",
        "x-api-key": "secret",
    }
    with lone_front(StubReplica(echo)) as front:
        got = requests.post(f"{front.url}/3.0?top_k=1", data=IMAGE, headers=headers, timeout=20)
    came = got.json()
    assert came["path"] == "/predictions/mobilenet_v3/3.0?top_k=1"
    assert {name: came["headers"].get(name) for name in headers} == headers
    assert came["headers"]["content-length"] == str(len(IMAGE))
    assert "x-edge-draw" not in came["headers"]
    assert got.headers["x-request-id"] == "mine"
    assert got.headers["x-model-version"] == "2.0"
    assert got.headers["set-cookie"] == "version_key=7; HttpOnly"


@pytest.mark.parametrize(
    "reply",
    [answer(502), answer(503), answer(503, retry_after="1"), hang_up],
    ids=["502", "503", "full", "no answer"],
)
def test_what_one_replica_fails_the_other_answers(reply: Reply) -> None:
    failing, good = StubReplica(reply), StubReplica()
    with lone_front(failing, good) as front:
        assert statuses(front) == {200: ENOUGH}
        again, well = front.admin.retries()
    assert failing.asked == again == well > 0
    assert good.asked == ENOUGH


def test_an_answer_to_the_request_itself_is_not_asked_for_twice() -> None:
    first, second = StubReplica(), StubReplica()
    expected = [400, 413, 429, 500, 504]
    with lone_front(first, second) as front:
        for status in expected:
            first.reply = second.reply = answer(status)
            assert ask(front).status_code == status
    assert first.asked + second.asked == len(expected)


def test_what_both_replicas_refuse_is_refused_after_two_tries_and_as_they_say_it() -> None:
    body = b'{"error": {"code": "overloaded", "message": "too many requests at once; try again"}}'
    reply = answer(503, body, retry_after="1")
    first, second = StubReplica(reply), StubReplica(reply)
    with lone_front(first, second) as front:
        got = ask(front)
    assert (got.status_code, got.content, got.headers["retry-after"]) == (503, body, "1")
    assert first.asked == second.asked == 1


def test_a_full_replica_is_not_taken_out_for_saying_so() -> None:
    full, good = StubReplica(answer(503, retry_after="1")), StubReplica()
    with lone_front(full, good) as front:
        statuses(front)
        # So many failures in a row would have been enough; which of two replicas is asked first is a throw of a coin.
        assert full.asked > 5
        assert not any(replica.ejected for replica in front.admin.replicas())


@pytest.mark.parametrize("reply", [answer(503), hang_up], ids=["503", "no answer"])
def test_a_replica_that_is_well_by_its_own_word_and_fails_requests_is_left_out(reply: Reply) -> None:
    failing, good = StubReplica(reply), StubReplica()
    with lone_front(failing, good) as front:

        def is_left_out() -> bool:
            ask(front)
            return [(replica.healthy, replica.ejected) for replica in front.admin.replicas()] == [
                (True, True),
                (True, False),
            ]

        assert becomes(is_left_out)
        failed = failing.asked
        assert failed < 10
        statuses(front, 10)
        assert failing.asked == failed


def test_a_replica_that_is_not_ready_gets_nothing_and_healthz_is_about_one_of_them() -> None:
    first, second = StubReplica(), StubReplica()
    with lone_front(first, second) as front:
        healthz = front.url.replace("predictions/mobilenet_v3", "healthz")
        first.well = False
        assert becomes(lambda: not front.admin.replicas()[0].healthy)
        asked = first.asked
        assert statuses(front, 10) == {200: 10}
        assert first.asked == asked
        assert requests.get(healthz, timeout=5).status_code == 200
        second.well = False
        assert becomes(lambda: not front.admin.replicas()[1].healthy)
        got = requests.get(healthz, timeout=5)
        assert (got.status_code, got.json()["error"]) == (503, {"code": "not_ready", "message": "no replica is ready"})
        # One version of either may be out, and the others can answer: nobody is refused for that.
        assert statuses(front, 10) == {200: 10}
        second.well = True
        assert becomes(lambda: requests.get(healthz, timeout=5).ok)


def test_a_replica_that_does_not_answer_is_not_waited_for_to_the_end() -> None:
    timeout_s = 2
    frozen, good = StubReplica(lambda _: time.sleep(3 * timeout_s)), StubReplica()
    with lone_front(frozen, good, timeout_s=timeout_s) as front, ThreadPoolExecutor(ENOUGH) as pool:
        assert Counter(each.result().status_code for each in [pool.submit(ask, front) for _ in range(ENOUGH)]) == {
            200: ENOUGH
        }
    assert frozen.asked > 0


def test_where_no_replica_answers_in_time_the_caller_gets_504_after_timeout_s() -> None:
    timeout_s = 1
    first, second = (StubReplica(lambda _: time.sleep(2 * timeout_s)) for _ in range(2))
    with lone_front(first, second, timeout_s=timeout_s) as front:
        got = ask(front)
        assert (got.status_code, got.json()["error"]["code"]) == (http.HTTPStatus.GATEWAY_TIMEOUT, "timeout")
    assert first.asked + second.asked == 2


def test_a_replica_is_put_in_the_place_of_another_and_what_that_one_has_is_answered() -> None:
    begun, let = threading.Semaphore(0), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        begun.release()
        let.wait(15)
        send(handler, 200, b"old")

    old, new = StubReplica(slow), StubReplica(answer(200, b"new"))
    with lone_front(old) as front, serving(new), ThreadPoolExecutor(ENOUGH) as pool:
        under_way = [pool.submit(ask, front) for _ in range(5)]
        for _ in under_way:
            assert begun.acquire(timeout=15)
        hosts = [Replica(address="127.0.0.1", port=new.server_port)]
        front.files.apply(front.wanted.model_copy(update={"replicas": hosts}), ())
        assert becomes(lambda: [each.port for each in front.admin.replicas()] == [new.server_port])
        assert ask(front).content == b"new"
        let.set()
        assert Counter((each.result().status_code, each.result().content) for each in under_way) == {(200, b"old"): 5}


def test_the_log_names_the_replica_and_the_version_that_answered() -> None:
    failing, good = StubReplica(answer(503)), StubReplica(echo)
    with lone_front(failing, good) as front:
        while not failing.asked:
            ask(front)
        log = front.files.access_log
        assert log is not None
        assert becomes(lambda: log.is_file() and '"tries":2' in log.read_text())
        line = json.loads(log.read_text().splitlines()[-1])
    assert (line["replica"], line["version"], line["status"]) == (f"127.0.0.1:{good.server_port}", "2.0", 200)


def test_a_front_whose_replicas_can_not_be_reached_says_so_in_the_contracts_words() -> None:
    gone = StubReplica()
    with lone_front(gone) as front:
        gone.server_close()
        gone.shutdown()
        got = ask(front)
    assert (got.status_code, got.json()["error"]["code"]) == (503, "unavailable")
