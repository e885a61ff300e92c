"""A request's body → the encoded images in it."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from handler.errors import EmptyBody, EncodedBody, MalformedBody, TooManyInstances

FIELD = "data"
# The edge sends every body as application/octet-stream, because TorchServe decodes some types on the way and answers
# 500 to others; what the client said is in this header.
ORIGINAL_CONTENT_TYPE = "x-original-content-type"
# Parts of a multipart body, of which one is the image.
_MOST_PARTS = 100
# Objects, lists and members of a JSON body. Each becomes an object of Python: a body full of them would be hundreds of
# megabytes.
_MOST_MEMBERS = 50_000
# As a browser's FileReader gives it; what it says of the type is not looked at, as nothing is that says so elsewhere.
_DATA_URI = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_WHITE_SPACE = b" \t\r\n\f\v"
_JSON_HELP = 'send {"instances": [{"b64": "<base64 of an encoded image>"}, …]}.'


@dataclass(frozen=True)
class Payload:
    """What a client sent.

    Attributes:
        images: encoded, in the order sent; at least one. A bytearray where the server handed one over.
        instances: True when they came as JSON `instances`, which are answered by a list each.
    """

    images: tuple[bytes, ...]
    instances: bool = False


def parse(row: Mapping[str, Any], headers: Mapping[str, str], max_instances: int) -> Payload:
    """Return the images of one row of a TorchServe batch.

    Args:
        row: `{"body": …}` or, where TorchServe or gRPC parsed it, `{"data": …}`; bytes, or decoded JSON.
        headers: the request's, names in lower case.
        max_instances: images accepted in one JSON body.

    Raises:
        EncodedBody: it is compressed.
        EmptyBody: nothing was sent.
        MalformedBody: the envelope can't be read, with the reason.
        TooManyInstances: more than `max_instances`.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise EncodedBody(
            f"the body is compressed as a whole ({encoding[:40]!r}); send it as it is, without content-encoding."
        )
    content_type = headers.get(ORIGINAL_CONTENT_TYPE) or headers.get("content-type", "")
    media_type, options = parse_options_header(content_type)
    # By presence: an empty field is there and empty, and TorchServe's row for a truncated multipart body is {}.
    body = row[FIELD] if FIELD in row else row.get("body", b"")
    if isinstance(body, dict | list):
        return _instances(body, max_instances)
    if isinstance(body, str):
        raise MalformedBody(f"the body was sent as text ({media_type}); send images as application/octet-stream.")
    if not isinstance(body, bytes | bytearray):
        raise MalformedBody(f"the JSON body is not an object; {_JSON_HELP}")
    if not body:
        raise EmptyBody(f"no image was sent; send its bytes, a multipart field `{FIELD}`, or JSON instances.")
    # TorchServe's bytearray is as good, and a batch may have many bodies of many megabytes: no copy.
    encoded = cast(bytes, body)
    if FIELD not in row and media_type == "multipart/form-data":
        return Payload((_multipart_field(encoded, options.get("boundary", "")),))
    # A gRPC or headerless caller names no type, and no image format begins with a brace.
    if media_type == "application/json" or encoded[:64].lstrip().startswith(b"{"):
        return _instances(_json(encoded), max_instances)
    return Payload((encoded,))


def _multipart_field(body: bytes, boundary: str) -> bytes:
    """Return the content of the one part named `data`."""
    if not boundary:
        raise MalformedBody("the multipart content type names no boundary.")
    found: list[bytearray] = []
    try:
        with PushMultipartParser(boundary, content_length=len(body), max_segment_count=_MOST_PARTS) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    wanted = event.name == FIELD
                    found += [bytearray()] if wanted else []
                elif event is not None and wanted:
                    found[-1] += event
    except MultipartError as error:
        raise MalformedBody(f"the multipart body is damaged or incomplete: {error}") from error
    if len(found) != 1:
        raise MalformedBody(f"the multipart body has {len(found)} parts named `{FIELD}`; send exactly one.")
    if not found[0]:
        raise EmptyBody(f"the multipart field `{FIELD}` is empty.")
    return cast(bytes, found[0])


def _json(body: bytes) -> Any:
    members = sum(body.count(sign) for sign in (b"{", b"[", b","))
    if members > _MOST_MEMBERS:
        raise MalformedBody(f"the JSON body has {members} members, at most {_MOST_MEMBERS} are read; {_JSON_HELP}")
    try:
        return json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"the body is not valid JSON ({error}); {_JSON_HELP}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        # As with doubled parts: which of them is meant, only their sender knows.
        raise ValueError("a key is there twice in one object")
    return members


def _instances(body: Any, max_instances: int) -> Payload:
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list):
        raise MalformedBody(f"the JSON body has no list `instances`; {_JSON_HELP}")
    if not instances:
        raise EmptyBody(f"`instances` is empty; {_JSON_HELP}")
    if len(instances) > max_instances:
        raise TooManyInstances(f"`instances` has {len(instances)} images; send at most {max_instances} at a time.")
    return Payload(tuple(_from_base64(number, item) for number, item in enumerate(instances)), instances=True)


def _from_base64(number: int, instance: Any) -> bytes:
    text = instance.get("b64") if isinstance(instance, dict) else None
    if not isinstance(text, str):
        raise MalformedBody(f"instances[{number}] has no text `b64`; {_JSON_HELP}")
    try:
        encoded = text.encode("ascii")
        if text[:5].lower() == "data:":
            encoded = encoded[_data_uri_prefix(number, text) :]
        # Line breaks are what many encoders put in; anything else that is not base64 is a mistake.
        return base64.b64decode(encoded.translate(None, _WHITE_SPACE), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedBody(f"instances[{number}].b64 is not base64: {error}.") from error


def _data_uri_prefix(number: int, text: str) -> int:
    found = _DATA_URI.match(text)
    if found is None:
        raise MalformedBody(f"instances[{number}].b64 is a data URI that is not in base64.")
    return found.end()
