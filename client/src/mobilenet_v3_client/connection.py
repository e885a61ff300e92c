"""Sessions whose connections stay open: made alike, lent to one question at a time, closed together."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from mobilenet_v3_client import address


class Sessions:
    """A session for each question that is under way.

    Attributes:
        url: of the server.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None,
        verify: bool | str | os.PathLike[str],
        certificate: str | os.PathLike[str] | None,
    ) -> None:
        self.url = address.checked(url)
        self._key = address.checked_key(api_key)
        # What `requests` would take from the environment, but for .netrc, whose passwords are for other purposes.
        self._proxies = address.proxies(self.url)
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        trusted = bundle if verify is True and bundle else verify
        # As `verify` too: with True, `requests` would add everybody whom certifi trusts.
        trusted = certificate or trusted
        self._verify = trusted if isinstance(trusted, bool) else _existing(os.fspath(trusted))
        self._pinned = _pinned(os.fspath(certificate)) if certificate else None
        self._idle: list[requests.Session] = []
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[requests.Session]:
        """Lend a session for the length of a block, the one that was used last if it is free."""
        with self._lock:
            session = self._idle.pop() if self._idle else self._made()
        try:
            yield session
        finally:
            with self._lock:
                if self._closed:
                    session.close()
                else:
                    self._idle.append(session)

    def close(self) -> None:
        """Close every connection, those in use when they are given back."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def _made(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.proxies.update(self._proxies)
        session.verify = self._verify
        # A cookie would keep all that a thread asks with the version of its first answer.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["accept-encoding"] = "identity"
        if self._key:
            session.headers["x-api-key"] = self._key
        if self._pinned:
            session.mount("https://", _Pinned(self._pinned))
        return session


class _Pinned(HTTPAdapter):
    """Speaks TLS by a context of its own, and compares no names."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context, assert_hostname=False)


def _pinned(certificate: str) -> ssl.SSLContext:
    """Return what trusts whoever has the key of this very certificate, whatever its name, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The certificate itself is enough, whether or not the one that signed it is in the file.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(certificate)
    except ssl.SSLError as error:
        raise ValueError(f"{certificate}: no certificate in PEM ({error.reason or error}).") from error
    return context


def _existing(path: str) -> str:
    if not os.path.exists(path):
        raise ValueError(f"{path}: no such file; name one with certificates in PEM.")
    return path
