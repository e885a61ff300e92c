"""Every image of a source opened once: what the handler could not decode, and what is there twice, is left out."""

import hashlib
import io
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

from handler.decode import FORMATS, EncodedImage
from handler.errors import EmptyBody, ImageTooLarge, RequestError, UnsupportedFormat
from scripts.pipeline.data.files import MAX_MEGAPIXELS, TooManyBytes
from scripts.pipeline.data.listing import LeftOut
from scripts.pipeline.data.sample import Sample

T = TypeVar("T")
# ISO 14496-12: a box of type `ftyp`, then the brand.
_BRAND_TYPE, _BRAND = slice(4, 8), slice(8, 12)
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}


@dataclass(frozen=True)
class Inspection:
    """What came of it.

    Attributes:
        good: in the order given.
        left_out: the others, with the reason.
        longest_side: of any good image, pixels; 0 where none was decoded.
    """

    good: tuple[Sample, ...]
    left_out: tuple[LeftOut, ...]
    longest_side: int


@dataclass(frozen=True)
class _Seen:
    sample: Sample
    digest: bytes = b""
    longest_side: int = 0
    fault: LeftOut | None = None


def inspect(
    samples: Sequence[Sample], tick: Callable[[int, int], None], trusted: Collection[str] = frozenset()
) -> Inspection:
    """Read and decode every image, in threads.

    Of several files with the same bytes the first is kept; where they are labelled differently, none.

    Args:
        samples: not yet looked at.
        tick: called with the number of images done and of all.
        trusted: names that stay in whatever is found; new files are still compared with them.
    """
    trusted = frozenset(trusted)
    seen = []
    for one in in_threads(lambda sample: _look(sample, sample.name in trusted), samples):
        seen.append(one)
        tick(len(seen), len(samples))
    faults = {one.sample.name: one.fault for one in seen if one.fault is not None}
    faults |= repeated([(one.sample, one.digest) for one in seen if one.fault is None and one.digest], trusted)
    return Inspection(
        tuple(one.sample for one in seen if one.sample.name not in faults),
        tuple(faults[one.sample.name] for one in seen if one.sample.name in faults),
        max((one.longest_side for one in seen if one.sample.name not in faults), default=0),
    )


def in_threads(look: Callable[[Sample], T], samples: Sequence[Sample]) -> Iterator[T]:
    """What `look` finds, in the order of `samples`."""
    # Process-wide, hence around all threads: what Pillow warns of is either decoded or a fault.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        yield from pool.map(look, samples)


def _look(sample: Sample, trusted: bool) -> _Seen:
    try:
        encoded = sample.read()
    except OSError as error:
        return _Seen(sample, fault=None if trusted else _unread(sample, error))
    digest = hashlib.sha256(encoded).digest()
    if trusted:
        return _Seen(sample, digest)
    try:
        height, width, _ = EncodedImage.open(encoded, MAX_MEGAPIXELS).decode().shape
    except RequestError as error:
        return _Seen(sample, fault=LeftOut(sample.name, *_fault(error, encoded)))
    return _Seen(sample, digest, max(height, width))


def _unread(sample: Sample, error: OSError) -> LeftOut:
    if isinstance(error, FileNotFoundError):
        return LeftOut(sample.name, "no such file")
    reason = "too large" if isinstance(error, TooManyBytes) else "can't be read"
    return LeftOut(sample.name, reason, error.strerror or str(error))


def _fault(error: RequestError, encoded: bytes) -> tuple[str, str]:
    """The reason, and its detail."""
    if isinstance(error, EmptyBody):
        return "empty", ""
    if isinstance(error, ImageTooLarge):
        return "too large", f"over {MAX_MEGAPIXELS:g} megapixels"
    if isinstance(error, UnsupportedFormat):
        format_ = _format(encoded)
        return ("unsupported format", format_) if format_ else ("not an image", "")
    return "unreadable", str(error)


def _format(encoded: bytes) -> str:
    """What the image is in, as far as anybody can tell; empty for what is no image."""
    if encoded[_BRAND_TYPE] == b"ftyp" and encoded[_BRAND] in _BRANDS:
        return _BRANDS[encoded[_BRAND]]
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            found = image.format or ""
    except Exception:  # Whatever Pillow's forty parsers raise.
        return ""
    return f"{found} with 32-bit or floating-point samples" if found in FORMATS else found


def repeated(digests: Sequence[tuple[Sample, bytes]], trusted: Collection[str]) -> dict[str, LeftOut]:
    """By name, those that are left out of samples with equal digests; `trusted` ones never are."""
    alike: dict[bytes, list[Sample]] = defaultdict(list)
    for sample, digest in digests:
        alike[digest].append(sample)
    faults = {}
    for group in alike.values():
        # First those that stay in, then by name.
        first, *others = sorted(group, key=lambda sample: (sample.name not in trusted, sample.name))
        contradicting = next((other for other in others if other.target != first.target), None)
        if contradicting is not None and first.name not in trusted:
            detail = f"the same image as {contradicting.name}, which is labelled differently"
            faults[first.name] = LeftOut(first.name, "contradiction", detail)
        for other in others:
            if other.name in trusted:
                continue
            if contradicting is None:
                faults[other.name] = LeftOut(other.name, "duplicate", f"of {first.name}")
            else:
                partner = first if other.target != first.target else contradicting
                detail = f"the same image as {partner.name}, which is labelled differently"
                faults[other.name] = LeftOut(other.name, "contradiction", detail)
    return faults
