"""Questions to the servers of this machine, in HTTP.

Without `requests`: every verb asks them, and importing it alone is a tenth of a rollback.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from scripts.serving import tls


class NoAnswer(Exception):
    """Nothing listens, or what it says is no HTTP or comes too late."""


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        status: of HTTP.
        reason: the phrase beside it.
        text: the body.
    """

    status: int
    reason: str
    text: str

    @property
    def ok(self) -> bool:
        """Whether it is no error."""
        return self.status < http.HTTPStatus.BAD_REQUEST

    def json(self) -> Any:
        """Return the body parsed; raises ValueError where it is no JSON."""
        return json.loads(self.text)


def ask(  # noqa: PLR0913  (what a request is made of)
    method: str,
    url: str,
    timeout_s: float,
    *,
    query: Mapping[str, str | int] | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    certificate: Path | None = None,
) -> Answer:
    """Return a server's answer, on a connection of its own, past every proxy of the environment.

    Args:
        method: of HTTP.
        url: `http[s]://host[:port]/path`.
        timeout_s: for each of its steps.
        query: added to the path.
        body: sent with it.
        headers: sent with it.
        certificate: of the server, by which it is known.

    Raises:
        NoAnswer: there is none.
    """
    parts = urlsplit(url)
    try:
        connection = _connection(parts, timeout_s, certificate)
    except OSError as error:
        raise NoAnswer(f"{certificate}: {error}") from error
    try:
        connection.request(method, parts.path + (f"?{urlencode(query)}" if query else ""), body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.reason, answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def status(url: str, certificate: Path | None = None) -> int | None:
    """Return the status of what `url` answers, None: it does not; `certificate` is as `ask` takes it."""
    try:
        return ask("GET", url, timeout_s=5, certificate=certificate).status
    except NoAnswer:
        return None


def _connection(parts: SplitResult, timeout_s: float, certificate: Path | None) -> http.client.HTTPConnection:
    assert parts.hostname is not None
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    context = tls.pinned(certificate) if certificate else ssl.create_default_context()
    return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=context)
