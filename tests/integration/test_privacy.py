"""Where images are after they were answered: nowhere, as long as nothing is harvested."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from benchmarks.hostile_bodies import FORM, JSON, part
from scripts.serving import processes
from tests.integration.server import MODEL, Server

# No sequence of these is in any other file.
MARK = np.random.default_rng(20260).integers(32, 127, 48, np.uint8).tobytes()
SEEN = "seen-by-the-privacy-test"


def pixels() -> Image.Image:
    """Return an image whose pixels are the mark, again and again."""
    return Image.frombytes("L", (len(MARK), 16), MARK * 16)


def file(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    pixels().save(stream, kind, **options)
    return stream.getvalue()


def requests_with_the_mark() -> dict[str, tuple[bytes, str]]:
    exif = Image.Exif()
    exif[0x010F] = MARK.decode()
    bitmap, jpeg = file("BMP"), file("JPEG", comment=MARK, exif=exif)
    assert MARK in bitmap
    assert MARK in jpeg
    text = base64.b64encode(bitmap).decode()
    return {
        "good": (bitmap, "image/bmp"),
        "good, with EXIF": (jpeg, "image/jpeg"),
        "truncated": (bitmap[:-100], "image/bmp"),
        "damaged": (jpeg[:-200] + MARK + jpeg[-200:], "image/jpeg"),
        "of no format": (MARK * 100, "image/png"),
        "text": (MARK * 100, "text/plain"),
        "a form": (part(bitmap, "data") + b"--b--\r\n", FORM),
        "a form of another name": (part(bitmap, "file", f"x-mark: {MARK.hex()}\r\n") + b"--b--\r\n", FORM),
        "a broken form": (part(bitmap), FORM),
        "JSON": (json.dumps({"instances": [{"b64": text}]}).encode(), JSON),
        "broken JSON": (b'{"instances": [{"b64": "' + MARK * 10, JSON),
        "JSON with a star": (json.dumps({"instances": [{"b64": text + "*"}]}).encode(), JSON),
        "a form as TorchServe reads it": (part(bitmap) + b"--b--\r\n", "application/x-www-form-urlencoded"),
    }


def holding(folder: Path, words: list[bytes]) -> list[str]:
    """Return the files below `folder` in which one of the words is."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if any(word in path.read_bytes() for word in words)]


def traces() -> list[bytes]:
    """Return how the mark may be written: as it is, escaped, in hex, and in base64 wherever it begins."""
    inner = [base64.b64encode(b"\0" * shift + MARK)[8:-8] for shift in range(3)]
    return [MARK[:16], MARK[-16:], MARK.hex().encode()[:32], json.dumps(MARK.decode()).encode()[1:17], *inner]


@pytest.mark.parametrize("without_edge", [False, True])
def test_neither_a_good_nor_a_bad_image_is_on_a_disk_or_in_a_log(server: Server, without_edge: bool) -> None:
    url = f"{server.inference_url if without_edge else server.url}/predictions/{MODEL}" + ("/1.0" * without_edge)
    for content, content_type in requests_with_the_mark().values():
        requests.post(url, data=content, headers={"content-type": content_type}, timeout=60)
    last = requests.post(
        server.url + f"/predictions/{MODEL}/1.0", data=file("PNG"), headers={"x-request-id": SEEN}, timeout=60
    )
    assert last.status_code == 200
    # By then what came before it is written too.
    seen = [SEEN.encode()]
    logs = ("access.log", "predictions")
    assert processes.wait_until(
        lambda: all(any(log in path for path in holding(server.run_dir, seen)) for log in logs), 30
    )
    assert holding(server.run_dir, traces()) == []
