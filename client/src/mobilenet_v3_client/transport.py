"""One try: a question goes out, an answer comes back in time, or it is said why not."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import requests
from requests import exceptions
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Timeout

from mobilenet_v3_client.connection import Sessions
from mobilenet_v3_client.errors import DeadlineExceeded, MobileNetV3Error, UnexpectedAnswer, Unreachable
from mobilenet_v3_client.refusals import refusal
from mobilenet_v3_client.retries import Deadline
from mobilenet_v3_client.retry_after import seconds

_PIECE_BYTES = 65536
_OK = 200


@dataclass(frozen=True)
class Question:
    """What is sent.

    Attributes:
        method: of HTTP.
        path: from the server's address on.
        query: added to it.
        headers: besides those of the session.
        body: None: nothing.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What came back with status 200.

    Attributes:
        headers: their names in any case.
        body: all of it.
        round_trip_ms: from the first byte sent to the last one read.
    """

    headers: Mapping[str, str]
    body: bytes
    round_trip_ms: float

    def json(self) -> Any:
        """Return the body parsed.

        Raises:
            UnexpectedAnswer: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise UnexpectedAnswer("200 without JSON; is it this server?", status=_OK) from error


def ask(sessions: Sessions, question: Question, within_s: float) -> Answer:
    """Return the answer to one question, asked once.

    Raises:
        MobileNetV3Error: there is none, it comes too late, or it says why there is no prediction.
    """
    deadline, began = Deadline.after(within_s), time.monotonic()
    try:
        with (
            sessions.one() as session,
            session.request(
                question.method,
                sessions.url + question.path,
                params=question.query,
                headers=question.headers,
                data=question.body,
                timeout=cast(Any, Timeout(total=within_s)),
                # The key would go along, wherever that is.
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            body = _read(response, deadline)
    except (exceptions.RequestException, HTTPError, OSError) as error:
        raise _no_answer(sessions.url, error, within_s) from error
    if response.status_code == _OK:
        return Answer(response.headers, body, (time.monotonic() - began) * 1000)
    raise _refused(response, body)


def _read(response: requests.Response, deadline: Deadline) -> bytes:
    """Return the whole body; however slowly it comes, not beyond the deadline."""
    pieces: list[bytes] = []
    while True:
        left_s = deadline.left_s()
        if left_s <= 0:
            raise exceptions.ReadTimeout("the answer is not complete")
        socket = getattr(response.raw.connection, "sock", None)
        if socket is not None:
            socket.settimeout(left_s)
        piece = response.raw.read1(_PIECE_BYTES)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def _no_answer(url: str, error: Exception, within_s: float) -> MobileNetV3Error:
    reason = _innermost(error)
    said = f"{url}: {getattr(reason, 'strerror', None) or reason or type(reason).__name__}"
    if isinstance(error, exceptions.ConnectTimeout):
        return Unreachable(f"{url}: no connection within {within_s:.3g} s", again=True)
    if isinstance(reason, (exceptions.Timeout, ReadTimeoutError, TimeoutError)):
        return DeadlineExceeded(f"{url}: no answer within {within_s:.3g} s")
    lasting = (exceptions.SSLError, exceptions.InvalidURL, exceptions.ProxyError)
    return Unreachable(said, again=not isinstance(error, lasting))


def _innermost(error: BaseException) -> BaseException:
    """Return the reason that `requests` and urllib3 have wrapped several times."""
    for inner in (getattr(error, "reason", None), *error.args, error.__cause__):
        if isinstance(inner, BaseException):
            return _innermost(inner)
    return error


def _refused(response: requests.Response, body: bytes) -> MobileNetV3Error:
    status, request_id = response.status_code, response.headers.get("x-request-id")
    try:
        said = json.loads(body)["error"]
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, TypeError, KeyError):
        code, message = None, f"{response.url.split('?')[0]} answers so without saying why; is it this server?"
    return refusal(status, code, message, request_id, seconds(response.headers.get("retry-after")))
