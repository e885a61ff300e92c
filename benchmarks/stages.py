"""CPU of the handler by stage, in process: its own functions, each with a clock around it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from typing import Any
from unittest import mock

from handler import preprocess as preprocess_module
from handler import request as request_module
from handler import service as service_module
from handler.decode import EncodedImage
from handler.request import Request
from handler.service import Service

# Stage → where the service finds the function that does it.
FUNCTIONS: dict[str, tuple[Any, str]] = {
    "receive (parse the body)": (request_module, "parse"),
    "read the image's header": (EncodedImage, "open"),
    "decode": (EncodedImage, "decode"),
    "resize": (preprocess_module, "preprocess"),
    "rank": (service_module, "rank"),
    "encode": (service_module, "answer"),
}
INFER, REST = "infer", "rest (join and split the batch)"


def measure(service: Service, images: list[bytes], batch: int, duration_s: float) -> dict[str, float]:
    """Return the CPU of one image by stage, ms; together they are the handler's.

    Args:
        service: loaded; it is used, not changed.
        images: encoded.
        batch: requests in one call.
        duration_s: of the measurement.
    """
    spent = dict.fromkeys([*FUNCTIONS, INFER], 0.0)
    endless = cycle(images)
    done = 0
    with _clocks(service, spent):
        ends = time.perf_counter() + duration_s
        started = time.thread_time()
        while time.perf_counter() < ends:
            service.reply_all([Request({"body": image}, {}) for image in islice(endless, batch)])
            done += batch
        whole = time.thread_time() - started
    spent[REST] = whole - sum(spent.values())
    return {stage: 1e3 * seconds / done for stage, seconds in spent.items()}


@contextmanager
def _clocks(service: Service, spent: dict[str, float]) -> Iterator[None]:
    """Put a clock around every function, and take it away again."""
    with ExitStack() as stack:
        for stage, (owner, name) in {**FUNCTIONS, INFER: (service.engine, "logits")}.items():
            timed = _timed(getattr(owner, name), stage, spent)
            bound = isinstance(vars(owner).get(name), classmethod)
            stack.enter_context(mock.patch.object(owner, name, staticmethod(timed) if bound else timed))
        yield


def _timed(function: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*words: Any, **named: Any) -> Any:
        started = time.thread_time()
        try:
            return function(*words, **named)
        finally:
            spent[stage] += time.thread_time() - started

    return timed
