"""The prediction log: lines are taken at once and written by a thread, so that no answer waits for a disk."""

import atexit
import contextlib
import json
import logging
import os
import queue
import signal
import threading
from pathlib import Path
from types import FrameType

from handler.line_files import LineFiles
from handler.predictions import Prediction, of_batch
from handler.service import BatchReport, Service
from handler.user_hash import UserHash

logger = logging.getLogger(__name__)

# Lines that wait for the disk: seconds of a busy worker, in some 10 MB.
_WAITING = 10_000
# Longer than writing all of them takes, unless the disk hangs.
_FLUSH_S = 5.0


class PredictionLog:
    """The lines of one version in one process."""

    def __init__(self, service: Service) -> None:
        """Start to write what `add` takes, as `service.settings` say; no file is made before the first line."""
        settings, metadata = service.settings, service.metadata
        folder = Path(settings.prediction_log_folder)
        prefix = f"{metadata.name}-{metadata.version}"
        self._files = LineFiles(folder, prefix, settings.prediction_log_bytes, settings.prediction_log_files)
        # Beside the folder and not in it: who copies the lines must not copy what their users are hashed with.
        self._key = folder.with_name(f"{folder.name}.key")
        self._users: UserHash | None = None
        self._version, self._labels, self._share = metadata.version, metadata.labels, settings.prediction_share
        # Its put can't wait, nor be in its own way when a signal's handler calls it (a queue.Queue can).
        self._waiting: queue.SimpleQueue[Prediction | None] = queue.SimpleQueue()
        # One number a thread, so that neither waits for the other.
        self._not_taken = self._not_written = self._reported = 0
        self._failing = False
        self._thread = threading.Thread(target=self._write, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, batch: BatchReport) -> None:
        """Take the lines of a batch; those for which there is no room are dropped and counted.

        It raises nothing: a defect of the log must not cost a batch its answers.
        """
        try:
            for prediction in of_batch(batch, self._version, self._labels, self._share):
                if self._waiting.qsize() < _WAITING:
                    self._waiting.put(prediction)
                else:
                    self._not_taken += 1
        except Exception:
            self._not_taken += 1
            logger.exception("the prediction log dropped lines of a batch")

    def newly_dropped(self) -> int:
        """Return how many lines were dropped since this was last asked."""
        dropped = self._not_taken + self._not_written
        new, self._reported = dropped - self._reported, dropped
        return new

    def close(self) -> None:
        """Return when every line is written, or the disk has not taken them within five seconds."""
        self._waiting.put(None)
        self._thread.join(_FLUSH_S)

    def flush_at_end(self) -> None:
        """Close the log when this process ends by itself or is asked to; to be called in its main thread.

        TorchServe 0.12 asks no worker: it closes the socket and kills at once (WorkerThread.shutdown, then
        Process.destroyForcibly), for a scale-down and for its own end. Then nothing here helps but that lines wait for
        less than the answer takes to its caller.
        """
        atexit.register(self.close)
        before = signal.getsignal(signal.SIGTERM)

        def end(number: int, frame: FrameType | None) -> None:
            self.close()
            signal.signal(number, before or signal.SIG_DFL)
            os.kill(os.getpid(), number)

        signal.signal(signal.SIGTERM, end)

    def _write(self) -> None:
        while (prediction := self._waiting.get()) is not None:
            try:
                self._files.write(self._line(prediction))
                self._failing = False
            except Exception as error:  # Whatever it is, the lines after it may be written.
                self._not_written += 1
                if not self._failing:
                    logger.warning("the prediction log drops lines: %s", error)
                self._failing = True
        with contextlib.suppress(OSError):
            self._files.close()

    def _line(self, prediction: Prediction) -> bytes:
        user = None
        if prediction.user is not None:
            self._users = self._users or UserHash.load(self._key)
            user = self._users(prediction.user)
        content = {"time": prediction.content["time"], "user": user, **prediction.content}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
