"""What holds for whatever is sent; the fast suite tries a few examples of each, `make fuzz` many."""

import base64
import json
import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from benchmarks.hostile_images import all_of, file, picture

_KINDS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_MODES = {
    "PNG": ("L", "RGBA", "P", "LA", "1"),
    "JPEG": ("L", "CMYK"),
    "TIFF": ("CMYK", "L", "1", "RGBA"),
    "GIF": ("P",),
}
# `make fuzz` sets it; then the examples are others each time, and many.
FUZZING = "FUZZING" in os.environ
MANY = 20


def examples(few: int) -> settings:
    """Return how many examples of a property to try."""
    return settings(
        max_examples=few * MANY if FUZZING else few,
        deadline=None,
        derandomize=not FUZZING,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def _real() -> list[bytes]:
    plain = [file(picture(), kind) for kind in _KINDS]
    others = [file(picture(mode=mode), kind) for kind, modes in _MODES.items() for mode in modes]
    progressive = file(picture(), "JPEG", progressive=True)
    animated = [
        file(picture(), kind, save_all=True, append_images=[picture()]) for kind in ("GIF", "WEBP", "PNG", "TIFF")
    ]
    packed = [
        file(picture(), "TIFF", compression=how) for how in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    ]
    return [*plain, *others, progressive, *animated, *packed]


REAL = _real()
_SMALL_HOSTILE = [
    content for image in all_of() if image.code != "decoding_too_slow" and len(content := image.make()) < 50_000
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a real or hostile image with some bytes changed, cut out, doubled or taken from another one."""
    content = bytearray(draw(st.sampled_from([*REAL, *_SMALL_HOSTILE])) or b"x")
    for _ in range(draw(st.integers(1, 6))):
        # Headers are where it hurts.
        at = draw(st.integers(0, min(len(content), 200)) | st.integers(0, len(content)))
        length = draw(st.integers(0, 40))
        match draw(st.sampled_from(["change", "cut", "double", "other", "end"])):
            case "change":
                content[at : at + length] = draw(st.binary(max_size=length))
            case "cut":
                del content[at : at + length]
            case "double":
                content[at:at] = content[at : at + length * 20]
            case "other":
                other = draw(st.sampled_from(REAL))
                content[at : at + length] = other[at : at + length]
            case "end":
                del content[at + length :]
    return bytes(content)


def bodies() -> st.SearchStrategy[bytes]:
    """Return bodies of every envelope, of any shape."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | mutated().map(_base64)
    trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4))
    envelope = st.fixed_dictionaries(
        {"instances": st.lists(st.fixed_dictionaries({"b64": leaves}) | trees, max_size=4)}
    )
    texts = (envelope | trees).map(lambda tree: json.dumps(tree).encode())
    parts = st.lists(st.tuples(st.sampled_from([b"data", b"file", b""]), mutated()), max_size=3)
    return st.binary(max_size=300) | texts | texts.map(_spoilt) | parts.map(_form) | mutated()


CONTENT_TYPES = st.sampled_from(
    ["multipart/form-data; boundary=b", "application/json", "image/png", "text/plain", "multipart/form-data"]
) | st.text(max_size=40)
_KEYS = st.sampled_from(["instances", "b64", "data"]) | st.text(max_size=5)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _spoilt(text: bytes) -> bytes:
    return text[: len(text) * 2 // 3] + b"\xff" + text[len(text) // 3 :]


def _form(parts: list[tuple[bytes, bytes]]) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    return b"".join(head % part for part in parts) + b"--b--\r\n"
