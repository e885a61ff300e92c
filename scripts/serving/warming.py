"""The first answers of a version that has just come up: to real images, from each of its workers, seen by nobody."""

import contextlib
import io
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
from PIL import Image

from scripts.errors import UserError
from scripts.serving import examples, loopback
from scripts.serving.live import Live
from scripts.serving.loopback import Answer, NoAnswer

_IMAGES = 8
"""Different ones."""
_WITHIN_S = 20.0
_SERVED_S = 0.02
"""Processor time of a worker, from which on it has served: two of the ticks in which Linux counts it, some images."""


def warm(live: Live, version: str) -> int:
    """Send real images straight to TorchServe until every worker of a version has answered some; return how many.

    Raises:
        UserError: one is answered with an error, with its reason, or a worker serves nothing.
    """
    settings = live.wanted.config.version(live.wanted.spec.name, version)
    images = examples.contents(live.wanted, _IMAGES) or [_noise()]
    url = f"http://127.0.0.1:{live.wanted.ports.inference}/predictions/{live.wanted.spec.name}/{version}"
    # TorchServe does not say which worker answered. It hands a batch to whichever is free: with twice as many requests
    # at once as all of them take, none is left out for long. And whoever has served has used its processor.
    together = 2 * settings.batch_size * settings.min_workers
    together = min(together, live.wanted.config.requests_at_once)
    before = _processor_s(live, version)
    deadline = time.monotonic() + _WITHIN_S
    sender = _Sender(version, url, settings.response_timeout_s + settings.max_batch_delay_ms / 1000)
    sent = 0
    while True:
        sender.send([images[number % len(images)] for number in range(together)])
        sent += together
        now = _processor_s(live, version)
        if all(now.get(worker, 0.0) - used >= _SERVED_S for worker, used in before.items()):
            return sent
        if time.monotonic() > deadline:
            raise UserError(f"version {version}: a worker that is ready has served nothing within {_WITHIN_S:.0f} s.")


@dataclass(frozen=True)
class _Sender:
    version: str
    url: str
    timeout_s: float

    def send(self, images: Sequence[bytes]) -> None:
        """Send all of them at once.

        Raises:
            UserError: an answer is an error.
        """
        with ThreadPoolExecutor(len(images)) as pool:
            for refusal in pool.map(self._refusal, images):
                if refusal is not None:
                    raise UserError(f"version {self.version} can't answer a real image, so it was taken out: {refusal}")

    def _refusal(self, image: bytes) -> str | None:
        # No worker keeps these for labelling (handler/harvest.py).
        headers = {"content-type": "application/octet-stream", "x-prediction-warming": "true"}
        try:
            answer = loopback.ask("POST", self.url, self.timeout_s, body=image, headers=headers)
        except NoAnswer as error:
            return f"no answer within {self.timeout_s:.0f} s ({error})."
        return None if answer.ok else f"{answer.status} {_reason(answer)}"


def _processor_s(live: Live, version: str) -> dict[int, float]:
    used = {}
    for pid in live.management.worker_processes(version):
        with contextlib.suppress(psutil.NoSuchProcess):  # It has just ended; another one takes its place.
            times = psutil.Process(pid).cpu_times()
            used[pid] = times.user + times.system
    return used


def _reason(answer: Answer) -> str:
    try:
        document = answer.json()
        # The handler's own errors, or TorchServe's.
        return str(document["error"]["message"] if "error" in document else document["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason


def _noise() -> bytes:
    """Return an image where there is no real one: noise, so that nothing in it is simple to decode."""
    stream = io.BytesIO()
    Image.effect_noise((300, 300), 64).save(stream, "PNG")
    return stream.getvalue()
