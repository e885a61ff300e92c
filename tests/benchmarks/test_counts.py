"""What makes the handler fast, held by counts: they are the same on a busy machine and on an idle one."""

import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import simplejpeg
import ts
from PIL import Image, ImageFile
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

from handler.decode import EncodedImage
from handler.engine import MAX_BATCH
from handler.metrics import METRICS, RARE, BatchMetrics
from handler.request import Request
from handler.service import Service
from handler.settings import Settings

PHOTO = (375, 500, 3)


@pytest.fixture(scope="module")
def service(int8_folder: Path) -> Service:
    return Service.load(int8_folder, Settings(arithmetic="fp32"))


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    generator = np.random.default_rng(1)
    small = generator.integers(0, 255, (16, 24, 32, 3), np.uint8)
    return [_encoded(Image.fromarray(pixels).resize((500, 375)), "JPEG") for pixels in small]


def _encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def _rows(images: list[bytes]) -> list[Request]:
    return [Request({"body": image}, {}) for image in images]


@pytest.fixture
def calls() -> Iterator[Callable[[Any, str], mock.Mock]]:
    """Return what counts the calls of a function that still does its work."""
    patches = []

    def count(owner: Any, name: str) -> mock.Mock:
        patches.append(mock.patch.object(owner, name, autospec=True, side_effect=getattr(owner, name)))
        return patches[-1].start()

    yield count
    for patch in patches:
        patch.stop()


def test_a_jpeg_is_decoded_once_and_not_by_pillow(
    service: Service, photos: list[bytes], calls: Callable[[Any, str], mock.Mock]
) -> None:
    decoded, fast, slow = (
        calls(EncodedImage, "decode"),
        calls(simplejpeg, "decode_jpeg"),
        calls(ImageFile.ImageFile, "load"),
    )
    service.reply_all(_rows(photos[:8]))
    assert (decoded.call_count, fast.call_count, slow.call_count) == (8, 8, 0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_formats_are_decoded_once(
    service: Service, photos: list[bytes], calls: Callable[[Any, str], mock.Mock], kind: str
) -> None:
    images = [_encoded(Image.open(io.BytesIO(photo)), kind) for photo in photos[:4]]
    decoded = calls(EncodedImage, "decode")
    service.reply_all(_rows(images))
    assert decoded.call_count == 4


def test_an_image_that_is_refused_by_its_header_is_never_decoded(
    service: Service, photos: list[bytes], calls: Callable[[Any, str], mock.Mock]
) -> None:
    small = Service(service.metadata, service.engine, Settings(max_megapixels=0.1))
    fast = calls(simplejpeg, "decode_jpeg")
    replies, _ = small.reply_all(_rows(photos[:2]))
    assert [reply.status for reply in replies] == [413, 413]
    assert fast.call_count == 0


@pytest.mark.parametrize(("images", "runs"), [(1, 1), (MAX_BATCH, 1), (MAX_BATCH + 1, 2), (8, -(-8 // MAX_BATCH))])
def test_a_batch_is_as_few_runs_of_the_network_as_its_memory_allows(
    service: Service, cell: bytes, calls: Callable[[Any, str], mock.Mock], images: int, runs: int
) -> None:
    session = service.engine._session
    with mock.patch.object(service.engine, "_session", wraps=session) as counted:
        service.reply_all(_rows([cell] * images))
    assert counted.run.call_count == runs


def test_a_batch_of_bad_rows_runs_no_network(service: Service) -> None:
    with mock.patch.object(service.engine, "_session", wraps=service.engine._session) as counted:
        service.reply_all(_rows([b"", b"text"]))
    assert counted.run.call_count == 0


@pytest.mark.parametrize("images", [1, 8])
def test_a_batch_writes_one_line_a_metric_however_large_it_is(
    service: Service, cell: bytes, caplog: pytest.LogCaptureFixture, images: int
) -> None:
    cache = MetricsCacheYamlImpl(str(Path(ts.__file__).parent / "configs" / "metrics.yaml"))
    cache.initialize_cache()
    metrics = BatchMetrics(cache, "mobilenet_v3", "2.0", "fp32")
    _, report = service.reply_all(_rows([cell] * images))
    with caplog.at_level("INFO"):
        metrics.write(report)
    lines = [line for line in caplog.messages if line.startswith("[METRICS]")]
    # What is rare is written only where there is something to count.
    assert len(lines) == len(METRICS.keys() - {*RARE})


def test_a_batch_copies_each_crop_once_and_keeps_one_decoded_image_at_a_time(
    service: Service, photos: list[bytes]
) -> None:
    # numpy reports its memory to tracemalloc: this counts bytes, whatever the machine does. The crops as scaled are
    # torch's, which does not; joined for the network they are numpy's.
    side = service.metadata.preprocessing.crop
    crop, photo = side * side * 3, int(np.prod(PHOTO))
    slack = 40_000  # replies, headers, Python's own objects
    for images in (1, 4, 16):
        rows = _rows(photos[:images])
        service.reply_all(rows)
        tracemalloc.start()
        try:
            service.reply_all(rows)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # Decoded, and its centre square; one copy of each crop.
        assert peak <= 2 * photo + images * (crop + slack)
        assert images * crop <= peak
