"""Request bodies and headers made to harm whoever parses them, each with the answer that they get at the edge."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from benchmarks.hostile_images import ANSWERED, file, picture

JSON = "application/json"
FORM = "multipart/form-data; boundary=b"
OCTETS = "application/octet-stream"
_OTHER_TYPES = (
    "image/jpeg", "text/html", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=b",
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A request and its answer.

    Attributes:
        name: what is wrong with it.
        code: the error's that its sender gets, or `ANSWERED`.
        content: the body.
        content_type: as its sender calls it.
        headers: besides.
    """

    name: str
    code: str
    content: bytes = field(repr=False)
    content_type: str = OCTETS
    headers: Mapping[str, str] = field(default_factory=dict)


def all_of() -> Iterator[Body]:
    """Give every hostile body."""
    yield from _json()
    yield from _multipart()
    yield from _encoded()
    yield from _misnamed()


@cache
def image() -> bytes:
    """Return an ordinary picture."""
    return file(picture(), "PNG")


def instances(*images: object) -> bytes:
    """Return a JSON body of these `b64`."""
    return json.dumps({"instances": [{"b64": item} for item in images]}).encode()


def encoded() -> str:
    """Return an ordinary picture in base64."""
    return base64.b64encode(image()).decode()


def part(content: bytes, name: str = "data", more: str = "") -> bytes:
    """Return one part of a form."""
    return (
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n{more}\r\n'.encode() + content + b"\r\n"
    )


def _json() -> Iterator[Body]:
    bad = "malformed_body"
    good, text = instances(encoded()), encoded()
    for name, content in {
        "no more than a brace": b"{",
        "lists in 100,000 lists": b'{"instances": ' + b"[" * 100_000,
        "objects in 20,000 objects": b'{"instances": ' + b'{"a":' * 20_000,
        "five million empty objects": b'{"instances": [' + b"{}," * 5_000_000 + b"{}]}",
        "a key of a megabyte": b'{"' + b"a" * (1 << 20) + b'": 1}',
        "a number of a million digits": b'{"instances": ' + b"9" * 1_000_000 + b"}",
        "NaN": b'{"instances": NaN}',
        "infinity in a list": b'{"instances": [Infinity]}',
        "instances twice": b'{"instances": [], ' + good[1:],
        "b64 twice": f'{{"instances": [{{"b64": "", "b64": "{text}"}}]}}'.encode(),
        "invalid UTF-8": b'{"instances": [{"b64": "\xff\xfe"}]}',
        "half a surrogate pair": rb'{"instances": [{"b64": "\ud800"}]}',
        "a null": b'{"instances": null}',
        "a string": b'{"instances": "abc"}',
        "an instance that is a list": b'{"instances": [["b64"]]}',
        "base64 with a star": instances("ab*d"),
        "base64 of one letter": instances("a"),
        "base64 for URLs": instances("__--"),
        "a data URI without base64": instances("data:image/png,abc"),
        "a data URI without end": instances("data:" + "a" * 100_000),
        "a list": b"[1, 2]",
        "text behind the object": good + b"x",
        "an image that is called JSON": image(),
    }.items():
        yield Body(f"JSON: {name}", bad, content, JSON)
    yield Body("JSON: no instances", "empty_body", b'{"instances": []}', JSON)
    yield Body("JSON: an empty image", "empty_body", instances(""), JSON)
    yield Body("JSON: 33 images", "too_many_instances", instances(*[text] * 33), JSON)
    yield Body("JSON: base64 of 17 MB", "body_too_large", instances("A" * 17_000_000), JSON)
    yield Body("JSON: a million pieces of base64", "unsupported_format", instances("AAAA " * 1_000_000), JSON)
    for name, content in {
        "UTF-8 with its mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "a data URI": instances(f"data:image/png;base64,{text}"),
        "a data URI that lies of its type": instances(f"data:text/html;charset=x;base64,{text}"),
    }.items():
        yield Body(f"JSON: {name}", ANSWERED, content, JSON)


def _multipart() -> Iterator[Body]:
    bad, good = "malformed_body", part(image())
    for name, content in {
        "without its end": good,
        "cut off": (good + b"--b--\r\n")[:200],
        "of another name": part(image(), "file") + b"--b--\r\n",
        "without a name": b"--b\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--b--\r\n",
        "without a header": b"--b\r\n\r\nabc\r\n--b--\r\n",
        "of two images": good * 2 + b"--b--\r\n",
        "of 200,000 parts": part(b"", "a") * 200_000 + b"--b--\r\n",
        "of a header without end": b"--b\r\nContent-Disposition: " + b"a" * 2_000_000,
        "of 1,000 headers": part(image(), more="".join(f"x-{n}: 1\r\n" for n in range(1000))) + b"--b--\r\n",
        "with bare line feeds": (good + b"--b--\r\n").replace(b"\r\n", b"\n"),
        "of nothing but boundaries": b"--b\r\n" * 100_000,
        "of nothing": b"--b--\r\n",
        "that is none": image(),
    }.items():
        yield Body(f"form: {name}", bad, content, FORM)
    yield Body("form: no boundary named", bad, good, "multipart/form-data")
    yield Body("form: a boundary of line feeds", bad, good, 'multipart/form-data; boundary="\\n"')
    yield Body("form: an empty image", "empty_body", part(b"") + b"--b--\r\n", FORM)
    yield Body(
        "form: nearly its boundary, a million times",
        "unsupported_format",
        part(b"\r\n--a" * 1_000_000) + b"--b--\r\n",
        FORM,
    )
    yield Body(
        "form: a compressed part",
        "unsupported_format",
        part(gzip.compress(image()), more="Content-Encoding: gzip\r\n") + b"--b--\r\n",
        FORM,
    )
    yield Body("form: more behind its end", ANSWERED, good + b"--b--\r\n" + b"more" * 1000, FORM)


def _encoded() -> Iterator[Body]:
    for name, content in {
        "gzip": gzip.compress(image()),
        "deflate": zlib.compress(image()),
        "br": b"\x8b\x02\x80abc\x03",
        "zstd": b"\x28\xb5\x2f\xfd",
        "gzip, gzip": gzip.compress(gzip.compress(b"\0" * 10_000_000)),
        "none-such": image(),
    }.items():
        yield Body(f"content-encoding {name}", "encoded_body", content, headers={"content-encoding": name})
    yield Body("content-encoding identity", ANSWERED, image(), headers={"content-encoding": "identity"})


def _misnamed() -> Iterator[Body]:
    for kind in (*_OTHER_TYPES, "x", 'a/b; c="'):
        yield Body(f"an image that is called {kind}", ANSWERED, image(), kind)
    yield Body("text that is called an image", "unsupported_format", b"<html>" * 100, "image/png")
    yield Body("an empty body", "empty_body", b"", "image/png")
    yield Body("top_k of letters", "invalid_top_k", image(), headers={"x-top-k": "\xe9\xe9"})
    yield Body("a long top_k", "invalid_top_k", image(), headers={"x-top-k": "9" * 5000 + "x"})
    yield Body("a request id outside ASCII", ANSWERED, image(), headers={"x-request-id": "\xff\xfe\xed\xa0\x80"})
