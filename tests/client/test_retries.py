"""What is asked again, when, and what is not."""

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

import mobilenet_v3_client as module
from mobilenet_v3_client import Client, DeadlineExceeded, Overloaded, Retries, Unavailable, Unreachable
from tests.client.stub import Handler, Stub, answer, drip, half, hang_up, refuse, wait_for
from tests.integration.server import free_ports


@pytest.mark.parametrize(
    "trouble",
    [refuse(503, "overloaded"), refuse(503, "unavailable"), refuse(429, "rate_limited"), hang_up, half],
    ids=["503", "503 without a worker", "429", "a reset", "a lost answer"],
)
def test_what_passes_is_asked_again_with_the_same_image(stub: Stub, client: Client, trouble: object) -> None:
    stub.then(trouble, trouble)
    found = client.predict(b"image")
    assert (found.label, found.tries) == ("defective", 3)
    assert [request.body for request in stub.asked] == [b"image"] * 3


def test_a_connection_that_the_server_has_closed_meanwhile_costs_no_answer(stub: Stub, client: Client) -> None:
    def answer_and_close(handler: Handler) -> None:
        answer()(handler)
        handler.close_connection = True  # without a word of it in the answer

    stub.always = answer_and_close
    assert {client.predict(b"image").label for _ in range(3)} == {"defective"}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "truncated_image", "InvalidImage"),
        (400, "invalid_top_k", "InvalidRequest"),
        (401, "unauthorized", "Unauthorized"),
        (404, "not_found", "NotFound"),
        (500, "internal_error", "ServerError"),
        (504, "timeout", "DeadlineExceeded"),
        (418, "of_a_later_server", "UnexpectedAnswer"),
        (422, "of_a_later_server", "InvalidRequest"),
    ],
)
def test_what_lasts_is_asked_once_and_raised_as_its_kind(
    stub: Stub, client: Client, status: int, code: str, kind: str
) -> None:
    stub.always = refuse(status, code)
    with pytest.raises(module.MobileNetV3Error) as raised:
        client.predict(b"image")
    error = raised.value
    assert (type(error).__name__, error.code, error.status, error.request_id) == (kind, code, status, "asked-2")
    assert str(error) == f"{code} ({status}): because of {code} [request asked-2]"
    assert len(stub.asked) == 1


def test_a_wait_that_the_server_asks_for_is_kept(stub: Stub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("mobilenet_v3_client.retries.time.sleep", waits.append)
    in_ten_seconds = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    stub.then(refuse(503, "overloaded", retry_after="2"), refuse(503, "overloaded", retry_after=in_ten_seconds))
    assert client.predict(b"image").tries == 3
    assert 2 <= waits[0] < 2.1
    assert 2 < waits[1] < 10.1


def test_a_wait_beyond_the_deadline_is_not_begun(stub: Stub, client: Client) -> None:
    stub.always = refuse(503, "overloaded", retry_after="3600")
    with pytest.raises(Overloaded) as raised:
        client.predict(b"image")
    assert raised.value.retry_after_s == 3600
    assert len(stub.asked) == 1


def test_after_the_last_try_the_last_error_is_raised(stub: Stub) -> None:
    stub.always = refuse(503, "unavailable")
    with Client(stub.url, retries=Retries(tries=3, first_s=0.001)) as client, pytest.raises(Unavailable):
        client.predict(b"image")
    assert len(stub.asked) == 3


def test_the_deadline_is_of_all_tries_together(stub: Stub) -> None:
    stub.always = refuse(503, "overloaded")
    endless = Retries(tries=10**9, first_s=0.01, longest_s=0.01)
    with Client(stub.url, retries=endless) as client, pytest.raises((Overloaded, DeadlineExceeded)):
        client.predict(b"image", deadline_s=0.3)
    assert len(stub.asked) > 2


def test_a_slow_answer_is_not_asked_for_again(stub: Stub) -> None:
    over = threading.Event()
    stub.always = wait_for(over)
    with Client(stub.url, timeout_s=0.2) as client, pytest.raises(DeadlineExceeded, match=r"no answer within 0\.2 s"):
        client.predict(b"image")
    over.set()
    assert len(stub.asked) == 1


def test_an_answer_that_drips_is_given_up_at_the_deadline(stub: Stub, client: Client) -> None:
    sent: list[int] = []
    over = threading.Event()
    stub.always = drip(sent, over)
    with pytest.raises(DeadlineExceeded):
        client.predict(b"image", deadline_s=0.3)
    over.set()
    assert 0 < len(sent) < 1000


def test_nobody_there_is_said_after_the_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_ports()['edge']}"
    waits: list[int] = []
    monkeypatch.setattr(Retries, "wait_s", lambda _, tried, error: waits.append(tried) or 0.0)
    with Client(url) as client, pytest.raises(Unreachable, match=f"{url}: Connection refused"):
        client.predict(b"image")
    assert waits == [1, 2, 3, 4]


def test_waits_are_drawn_from_bounds_that_double_up_to_the_longest() -> None:
    retries, lost = Retries(first_s=1, longest_s=4), Unreachable("", again=True)
    for tried, bound_s in ((1, 1), (2, 2), (3, 4), (9, 4)):
        drawn = [retries.wait_s(tried, lost) for _ in range(200)]
        assert 0 <= min(drawn) < bound_s / 4
        assert bound_s * 3 / 4 < max(drawn) <= bound_s


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"predictions": []}', b'{"predictions": [{"label": "x"}]}'])
def test_an_answer_of_something_else_is_said_to_be_one(stub: Stub, client: Client, body: bytes) -> None:
    stub.always = answer(200, body)
    with pytest.raises(module.UnexpectedAnswer):
        client.predict(b"image")


def test_an_error_of_something_between_goes_by_its_status(stub: Stub, client: Client) -> None:
    stub.always = answer(413, b"<html>too large</html>")
    with pytest.raises(module.InvalidImage, match="answers so without saying why") as raised:
        client.predict(b"image")
    assert raised.value.code == "http_413"
