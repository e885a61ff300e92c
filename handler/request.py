"""One request → its images, ready for the network."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler import deadline
from handler.allowance import Allowance
from handler.decode import EncodedImage
from handler.errors import InvalidFormat, RequestError
from handler.metadata import Metadata
from handler.payload import Payload, parse
from handler.preprocess import load_with_shape, region
from handler.responses import parse_top_k
from handler.settings import Settings
from handler.wanted import Wanted, parse_wanted

TOP_K = "x-top-k"
REQUEST_ID = "x-request-id"


@dataclass(frozen=True)
class Request:
    """One row of a batch.

    Attributes:
        row: TorchServe's; see `payload.parse`.
        headers: names in lower case.
        server_id: the server's own id of the request, used where no `x-request-id` was sent.
    """

    row: Mapping[str, Any]
    headers: Mapping[str, str]
    server_id: str | None = None

    @property
    def id(self) -> str | None:
        """The edge's id of the request, or the server's where it sent none."""
        return self.headers.get(REQUEST_ID) or self.server_id

    @property
    def explains(self) -> bool:
        """Whether it came to TorchServe's /explanations."""
        return self.headers.get("explain") == "True"


@dataclass(frozen=True)
class Prepared:
    """A valid request: its images, uint8 [3, crop, crop] and as they were sent, and how its client wants its answer.

    Where it wants an explanation, `regions` are where in each upright image the network's square lies.
    """

    images: list[NDArray[np.uint8]]
    encoded: tuple[bytes, ...]
    instances: bool
    top_k: int
    request_id: str | None
    wanted: Wanted | None = None
    regions: tuple[Mapping[str, float], ...] = ()


def prepare(request: Request, metadata: Metadata, settings: Settings) -> Prepared:
    """Return the images of one request, decoded and scaled.

    Raises:
        RequestError: what is wrong with it.
    """
    headers = request.headers
    deadline.check(headers.get(deadline.HEADER))
    wanted = parse_wanted(headers, metadata.labels) if request.explains else None
    top_k = parse_top_k(headers.get(TOP_K), settings.top_k)
    payload = parse(request.row, headers, settings.max_instances)
    if wanted and wanted.format == "png" and payload.instances:
        raise InvalidFormat("a PNG shows one image; send it without `instances`, or ask for format=map.")
    # All the headers before any pixel: together, too, the images must be worth decoding.
    pictures, megapixels, allowance = deque[EncodedImage](), settings.max_megapixels, Allowance(settings.decode_seconds)
    for number, encoded in enumerate(payload.images):
        with _named(number, payload):
            pictures.append(EncodedImage.open(encoded, megapixels, allowance))
        megapixels -= pictures[-1].megapixels
    images, shapes = [], []
    for number in range(len(pictures)):
        with _named(number, payload):
            # Taken out: a decoder may keep what it needed for as long as there is its image.
            image, shape = load_with_shape(pictures.popleft(), metadata.preprocessing)
        images.append(image)
        shapes.append(shape)
    regions = tuple(region(shape, metadata.preprocessing) for shape in shapes) if wanted else ()
    return Prepared(images, payload.images, payload.instances, top_k, request.id, wanted, regions)


@contextmanager
def _named(number: int, payload: Payload) -> Iterator[None]:
    """Say in an error which of a body's images it is about."""
    try:
        yield
    except RequestError as error:
        named = type(error)(f"instances[{number}]: {error}" if payload.instances else str(error))
        named.image = payload.images[number]
        raise named from error
