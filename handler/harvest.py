"""Images that are worth a label: chosen with their batch, kept by a thread that nobody waits for."""

import contextlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.harvest_folder import MIRRORED, UNCERTAIN, HarvestFolder
from handler.predictions import is_shadow, sampled
from handler.request import Prepared
from handler.responses import DECIMALS, rank, softmax
from handler.service import BatchReport, Service

logger = logging.getLogger(__name__)

# `make register` says so of the images that it sends (scripts/serving/warming.py): the model's own, test images even.
WARMING = "x-prediction-warming"
# Images that wait for the thread; they stay in memory as they were sent.
_WAITING, _WAITING_BYTES = 1000, 32_000_000
_LOWEST_PRIORITY = 19
_FLUSH_S = 5.0


@dataclass(frozen=True)
class _Image:
    """An image as it was sent, the folder where it belongs, and what was said of it."""

    encoded: bytes
    place: str
    note: Mapping[str, Any]


class Harvest:
    """The images of one version in one process."""

    def __init__(self, service: Service) -> None:
        """Start to keep what `add` takes, as `service.settings` say."""
        self._metadata, self._settings = service.metadata, service.settings
        self._folder = HarvestFolder(self._settings, self._metadata.name)
        self._waiting: queue.SimpleQueue[_Image | None] = queue.SimpleQueue()
        # One number a thread, so that neither waits for the other.
        self._bytes_in = self._bytes_out = 0
        self._not_taken = self._not_kept = self._reported = 0
        self._thread = threading.Thread(target=self._keep, name="harvest", daemon=True)
        self._thread.start()

    def add(self, batch: BatchReport) -> None:
        """Take the images of a batch that are worth it; those for which there is no room are dropped and counted.

        It raises nothing: a defect of the harvest must not cost a batch its answers.
        """
        try:
            for image in self._chosen(batch):
                if self._waiting.qsize() < _WAITING and self.waiting_bytes + len(image.encoded) <= _WAITING_BYTES:
                    self._bytes_in += len(image.encoded)
                    self._waiting.put(image)
                else:
                    self._not_taken += 1
        except Exception:
            self._not_taken += 1
            logger.exception("the harvest dropped images of a batch")

    @property
    def waiting_bytes(self) -> int:
        """Of the images that were taken and are neither kept nor dropped yet."""
        return self._bytes_in - self._bytes_out

    def newly_dropped(self) -> int:
        """Return how many images were dropped since this was last asked."""
        dropped = self._not_taken + self._not_kept
        new, self._reported = dropped - self._reported, dropped
        return new

    def close(self) -> None:
        """Return when every image is kept or dropped, or after five seconds."""
        self._waiting.put(None)
        self._thread.join(_FLUSH_S)

    def _chosen(self, batch: BatchReport) -> Iterator[_Image]:
        for request, outcome, logits in batch.outcomes:
            if not isinstance(outcome, Prepared) or request.headers.get(WARMING) == "true":
                continue
            if is_shadow(request):
                # Only the lines of both versions will tell whether they disagree.
                if sampled(request.id, self._settings.prediction_share):
                    yield from (_Image(encoded, MIRRORED, {}) for encoded in outcome.encoded)
                continue
            for encoded, row in zip(outcome.encoded, logits, strict=True):
                second, best = np.partition(softmax(row), -2)[-2:]
                if best - second < self._settings.harvest_margin:
                    yield _Image(encoded, UNCERTAIN, self._note(row))

    def _note(self, row: NDArray[np.float32]) -> dict[str, Any]:
        best, second = rank(row, self._metadata.labels, 2)
        return {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "version": self._metadata.version,
            "label": best["label"],
            "probability": best["probability"],
            "margin": round(best["probability"] - second["probability"], DECIMALS),
        }

    def _keep(self) -> None:
        if sys.platform == "linux":
            # There a thread has a priority of its own: this one runs when no worker wants the core.
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        self._folder.make()
        while (image := self._waiting.get()) is not None:
            self._not_kept += not self._folder.put(image.place, image.encoded, image.note)
            self._bytes_out += len(image.encoded)
