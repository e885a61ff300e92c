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
from handler.errors import NoExplanations, RequestError
from handler.metadata import Preprocessing
from handler.payload import Payload, parse
from handler.preprocess import load
from handler.responses import parse_top_k
from handler.settings import Settings

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


@dataclass(frozen=True)
class Prepared:
    """A valid request: its images, uint8 [3, crop, crop] and as they were sent, and how its client wants its answer."""

    images: list[NDArray[np.uint8]]
    encoded: tuple[bytes, ...]
    instances: bool
    top_k: int
    request_id: str | None


def prepare(request: Request, preprocessing: Preprocessing, settings: Settings) -> Prepared:
    """Return the images of one request, decoded and scaled.

    Raises:
        RequestError: what is wrong with it.
    """
    headers = request.headers
    deadline.check(headers.get(deadline.HEADER))
    if headers.get("explain") == "True":
        raise NoExplanations("this archive answers predictions only; use /predictions.")
    top_k = parse_top_k(headers.get(TOP_K), settings.top_k)
    payload = parse(request.row, headers, settings.max_instances)
    # All the headers before any pixel: together, too, the images must be worth decoding.
    pictures, megapixels, allowance = deque[EncodedImage](), settings.max_megapixels, Allowance(settings.decode_seconds)
    for number, encoded in enumerate(payload.images):
        with _named(number, payload):
            pictures.append(EncodedImage.open(encoded, megapixels, allowance))
        megapixels -= pictures[-1].megapixels
    images = []
    for number in range(len(pictures)):
        with _named(number, payload):
            # Taken out: a decoder may keep what it needed for as long as there is its image.
            images.append(load(pictures.popleft(), preprocessing))
    return Prepared(images, payload.images, payload.instances, top_k, request.id)


@contextmanager
def _named(number: int, payload: Payload) -> Iterator[None]:
    """Say in an error which of a body's images it is about."""
    try:
        yield
    except RequestError as error:
        named = type(error)(f"instances[{number}]: {error}" if payload.instances else str(error))
        named.image = payload.images[number]
        raise named from error
