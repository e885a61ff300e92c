"""What images made to harm get: an error that says why, in bounded time and memory, and no other program is started."""

import ctypes
import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from benchmarks.hostile_images import ANSWERED, Hostile, all_of, file, picture, with_scans
from handler.allowance import Allowance
from handler.decode import FORMATS, EncodedImage
from handler.errors import DecodingTooSlow, OutOfMemory, RequestError
from handler.memory import give_large_blocks_back
from handler.metadata import Preprocessing
from handler.preprocess import load

IMAGENET = Preprocessing(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
# Those that use up their allowance get a short one here.
SLOW = "decoding_too_slow"
ALLOWANCE_S = {SLOW: 0.2}


def answer(encoded: bytes, seconds: float = 10.0) -> tuple[str, str]:
    """Return code and message, as a request for one image gets them."""
    try:
        pixels = load(EncodedImage.open(encoded, 25, Allowance(seconds)), IMAGENET)
    except RequestError as error:
        return error.code, str(error)
    assert pixels.shape == (3, 224, 224)
    return ANSWERED, ""


@pytest.mark.parametrize("image", list(all_of()), ids=lambda image: image.name)
def test_each_hostile_image_gets_the_code_of_its_fault(image: Hostile) -> None:
    code, message = answer(image.make(), ALLOWANCE_S.get(image.code, 10.0))
    assert code == image.code, message
    assert code == ANSWERED or (message.endswith((".", ")")) or ": " in message)


@pytest.fixture
def no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where another program is started or a plug-in is asked that is not in the list."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("asked")

    Image.init()
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", refuse)
    for name in Image.OPEN.keys() - set(FORMATS) - {"MPO"}:
        monkeypatch.setitem(Image.OPEN, name, (refuse, refuse))


@pytest.mark.usefixtures("no_other_program")
def test_no_plug_in_outside_the_list_is_asked_and_no_program_started() -> None:
    codes = {image.name: answer(image.make())[0] for image in all_of() if image.code == "unsupported_format"}
    assert len(codes) > 5
    assert set(codes.values()) == {"unsupported_format"}
    with pytest.raises(AssertionError, match="asked"):
        Image.open(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"))


@pytest.mark.usefixtures("no_other_program")
@pytest.mark.parametrize("outer", [b"II*\0", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM", b"RIFF\xff\0\0\0WEBP"])
def test_a_supported_beginning_leads_to_no_other_plug_in(outer: bytes) -> None:
    for inner in (file(picture(32, 32), "ICO"), file(picture(), "PPM"), b"%!PS-Adobe-3.0 EPSF-3.0\n"):
        assert answer(outer + inner)[0] not in (ANSWERED, "internal_error")


def test_a_first_frame_is_that_of_an_image_that_is_not_animated() -> None:
    first, second = picture(), Image.new("RGB", (64, 48), "red")
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
        alone = EncodedImage.open(file(first, kind, **options), 25).decode()
        moving = file(first, kind, save_all=True, append_images=[second] * 3, **options)
        assert np.abs(EncodedImage.open(moving, 25).decode().astype(int) - alone).max() <= 3, kind


def test_a_jpeg_of_a_few_scans_too_many_is_answered_and_its_colours_are_right() -> None:
    pixels = EncodedImage.open(with_scans(64, 64, 30), 25).decode()
    assert np.abs(pixels.astype(int) - 128).max() <= 2


def test_one_allowance_is_for_all_that_is_decoded_under_it() -> None:
    allowance, scans = Allowance(0.3), with_scans(2000, 2000, 10)
    with pytest.raises(DecodingTooSlow, match=r"0\.3 s of a processor"):
        for _ in range(1000):
            EncodedImage.open(scans, 25, allowance).decode()


@pytest.mark.parametrize("error", [OSError("libtiff: out of memory"), ValueError("Insufficient memory (case 4)")])
def test_a_decoder_without_memory_is_no_fault_of_the_image(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    image = EncodedImage.open(file(picture(), "PNG"), 25)

    def fails() -> None:
        raise error

    monkeypatch.setattr(image.header, "load", fails)
    with pytest.raises(OutOfMemory):
        image.decode()


def peak_mb(action: Callable[[], object]) -> float:
    """Return by how much resident memory rises while `action` runs."""

    def resident(key: str) -> float:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))

    give_large_blocks_back()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")
    before = resident("VmRSS")
    action()
    return resident("VmHWM") - before


@pytest.mark.operations
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("kind", ["PNG RGBA", "PNG P", "TIFF RGBA", "JPEG RGB", "WEBP RGBA", "JPEG CMYK"])
def test_decoding_holds_at_most_four_times_the_pixels_that_are_allowed(kind: str) -> None:
    """With a limit of 4 megapixels, 12 MB of RGB; the file itself is not counted."""
    format_, mode = kind.split()
    height = 2000 if kind in ("WEBP RGBA", "JPEG CMYK") else 4000
    options: dict[str, Any] = {"PNG": {"compress_level": 1}, "JPEG": {"progressive": True, "subsampling": 0}}.get(
        format_, {"lossless": True, "method": 0, "quality": 0} if format_ == "WEBP" else {}
    )
    if mode == "P":
        options |= {"transparency": 3}
    encoded = file(picture(1000, height).convert(mode), format_, **options)
    held_mb = peak_mb(lambda: load(EncodedImage.open(encoded, 4), IMAGENET))
    assert held_mb <= 4 * 12
    assert held_mb > 4  # It was seen.
