"""Sessions, one a thread, whose connections stay open: made alike, and closed together."""

from __future__ import annotations

import os
import ssl
import threading
import weakref
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from mobilenet_v3_client import address


class Sessions:
    """A session for each thread that asks for one.

    Attributes:
        url: of the server.
    """

    def __init__(self, url: str, *, api_key: str | None, verify: bool | str, certificate: Path | None) -> None:
        self.url = address.checked(url)
        self._key = address.checked_key(api_key)
        # What `requests` would take from the environment, but for .netrc, whose passwords are for other purposes.
        self._proxies = address.proxies(self.url)
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        self._verify = bundle if verify is True and bundle else verify
        self._certificate = certificate
        self._local = threading.local()
        self._all: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def mine(self) -> requests.Session:
        """Return this thread's."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            self._local.session = session = self._made()
            with self._lock:
                self._all.add(session)
        return session

    def close(self) -> None:
        """Close every connection; the next question opens a new one."""
        with self._lock:
            for session in list(self._all):
                session.close()

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
        if self._certificate:
            # As `verify` too: with True, `requests` would add everybody whom certifi trusts.
            session.verify = str(self._certificate)
            session.mount("https://", _Pinned(self._certificate))
        return session


class _Pinned(HTTPAdapter):
    """Trusts whoever has the key of this very certificate, whatever its name, and nobody else."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self._context.load_verify_locations(certificate)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context, assert_hostname=False)
