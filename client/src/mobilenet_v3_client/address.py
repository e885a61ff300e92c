"""Where the server is: checked before anything is sent there."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies

_KEY = re.compile(r"[!-~]+", re.ASCII)


def checked(url: str) -> str:
    """Return the address without a slash at its end.

    Raises:
        ValueError: it is none of HTTP, or has a password, a query or a fragment in it.
    """
    parts = urlsplit(url)
    # First, and without the address: it would be a password that is shown.
    if "@" in parts.netloc:
        raise ValueError("the address of the server has a password in it; give a key as api_key instead.")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url}: an address such as http://127.0.0.1:8000 is wanted.")
    return url.rstrip("/")


def checked_key(key: str | None) -> str | None:
    """Return the key as it goes into a header, None where there is none; what stands around it is cut off.

    Raises:
        ValueError: it can't go there; the key is not shown.
    """
    key = (key or "").strip()
    if key and not _KEY.fullmatch(key):
        raise ValueError("the API key has blanks, line breaks or letters beyond ASCII in it; it is <name>.<secret>.")
    return key or None


def proxies(url: str) -> dict[str, str]:
    """Return the proxies that the environment names for this address: none on the way to this machine itself."""
    host = urlsplit(url).hostname or ""
    return {} if _loopback(host) else dict(get_environ_proxies(url))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
