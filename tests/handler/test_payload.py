import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import EmptyBody, EncodedBody, MalformedBody, RequestError, TooManyInstances
from handler.payload import Payload, parse

IMAGE = b"\x89PNG\r\n\x1a\n image"
MULTIPART = {"x-original-content-type": "multipart/form-data; boundary=b"}
JSON = {"x-original-content-type": "application/json"}


def part(content: bytes, name: str = "data") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="a.png"'.encode()
    return b"--b\r\n" + disposition + b"\r\n\r\n" + content + b"\r\n"


def instances(*images: bytes) -> bytes:
    return json.dumps({"instances": [{"b64": base64.b64encode(image).decode()} for image in images]}).encode()


def test_raw_bytes_are_one_image() -> None:
    assert parse({"body": bytearray(IMAGE)}, {}, 8) == Payload((IMAGE,))


def test_a_form_urlencoded_label_as_curl_sends_it_changes_nothing() -> None:
    headers = {"x-original-content-type": "application/x-www-form-urlencoded"}
    assert parse({"body": IMAGE}, headers, 8) == Payload((IMAGE,))


def test_the_multipart_field_data_is_the_image() -> None:
    body = part(b"other", "note") + part(IMAGE) + b"--b--\r\n"
    assert parse({"body": body}, MULTIPART, 8) == Payload((IMAGE,))


def test_a_row_that_torchserve_took_out_of_multipart_is_the_image() -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert parse({"data": bytearray(IMAGE)}, headers, 8) == Payload((IMAGE,))


def test_json_instances_keep_their_order() -> None:
    expected = Payload((b"one", b"two"), instances=True)
    assert parse({"body": instances(b"one", b"two")}, JSON, 8) == expected
    assert parse({"body": json.loads(instances(b"one", b"two"))}, {}, 8) == expected


def test_base64_may_be_broken_into_lines() -> None:
    body = json.dumps({"instances": [{"b64": base64.encodebytes(IMAGE * 20).decode()}]}).encode()
    assert parse({"body": body}, JSON, 8).images == (IMAGE * 20,)


def test_json_without_its_content_type_is_known_by_its_brace() -> None:
    assert parse({"data": b" " + instances(b"one")}, {}, 8).images == (b"one",)


@pytest.mark.parametrize("prefix", ["data:image/png;base64,", "DATA:text/html;charset=x;BASE64,", "data:;base64,"])
def test_a_data_uri_is_base64_whatever_type_it_names(prefix: str) -> None:
    body = json.dumps({"instances": [{"b64": prefix + base64.b64encode(IMAGE).decode()}]}).encode()
    assert parse({"body": body}, JSON, 8).images == (IMAGE,)


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP, identity"])
def test_a_compressed_body_is_refused_and_not_unpacked(encoding: str) -> None:
    with pytest.raises(EncodedBody, match="without content-encoding"):
        parse({"body": IMAGE}, {"content-encoding": encoding}, 8)
    assert parse({"body": IMAGE}, {"content-encoding": "Identity"}, 8).images == (IMAGE,)


def test_a_body_is_not_copied() -> None:
    body = bytearray(IMAGE)
    assert parse({"body": body}, {}, 8).images[0] is body


@pytest.mark.parametrize("row", [{}, {"body": b""}, {"data": b""}])
def test_nothing_sent_is_an_empty_body(row: dict[str, bytes]) -> None:
    with pytest.raises(EmptyBody):
        parse(row, {}, 8)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (part(IMAGE), "incomplete"),
        (part(IMAGE, "file") + b"--b--\r\n", "0 parts named `data`"),
        (part(IMAGE) + part(IMAGE) + b"--b--\r\n", "2 parts named `data`"),
        (b"no boundary here", "damaged"),
    ],
)
def test_a_broken_multipart_body_says_what_is_wrong(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedBody, match=reason):
        parse({"body": body}, MULTIPART, 8)


def test_an_empty_multipart_field_is_an_empty_body() -> None:
    with pytest.raises(EmptyBody, match="`data` is empty"):
        parse({"body": part(b"") + b"--b--\r\n"}, MULTIPART, 8)


def test_multipart_without_a_boundary_says_so() -> None:
    with pytest.raises(MalformedBody, match="boundary"):
        parse({"body": part(IMAGE)}, {"x-original-content-type": "multipart/form-data"}, 8)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not valid JSON"),
        (b"[" * 40_000, "not valid JSON"),
        (b"[" * 100_000, "100000 members"),
        (b'{"instances": [' + b"{}," * 50_000 + b"{}]}", "members"),
        (b'{"instances": [], "instances": []}', "twice"),
        (b'{"instances": [{"b64": "data:image/png,abc"}]}', "data URI that is not in base64"),
        (b"[]", "no list `instances`"),
        (b'{"instances": {}}', "no list `instances`"),
        (b'{"instances": ["a"]}', r"instances\[0\] has no text `b64`"),
        (b'{"instances": [{"b64": 1}]}', r"instances\[0\] has no text `b64`"),
        (b'{"instances": [{"b64": "a*b"}]}', r"instances\[0\].b64 is not base64"),
        ('{"instances": [{"b64": "é"}]}'.encode(), r"instances\[0\].b64 is not base64"),
    ],
)
def test_broken_json_says_what_is_wrong(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedBody, match=reason):
        parse({"body": body}, JSON, 8)


@pytest.mark.parametrize("body", [None, True, 1.5, 10**13])
def test_json_that_torchserve_decoded_to_a_scalar_is_refused(body: object) -> None:
    with pytest.raises(MalformedBody, match="not an object"):
        parse({"body": body}, {"content-type": "application/json"}, 8)


CONTENT_TYPES = [
    "multipart/form-data; boundary=b",
    "application/json",
    "image/png",
    "text/plain",
    "multipart/form-data",
]


@given(body=st.binary(max_size=300), content_type=st.sampled_from(CONTENT_TYPES) | st.text(max_size=40))
def test_no_body_whatever_raises_anything_but_an_error_for_its_sender(body: bytes, content_type: str) -> None:
    try:
        payload = parse({"body": body}, {"x-original-content-type": content_type}, 8)
    except RequestError:
        return
    assert payload.images


def test_more_instances_than_allowed_are_refused() -> None:
    with pytest.raises(TooManyInstances, match="at most 2"):
        parse({"body": instances(b"a", b"b", b"c")}, JSON, 2)


def test_a_body_that_torchserve_decoded_as_text_is_refused() -> None:
    with pytest.raises(MalformedBody, match="octet-stream"):
        parse({"body": "ÿØÿ"}, {"content-type": "text/plain"}, 8)
