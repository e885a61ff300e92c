"""TorchServe's management API, for one model."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.serving import loopback, processes, worker_log
from scripts.serving.loopback import Answer, NoAnswer
from scripts.serving.properties import VersionSettings

# Any one call. A description with `customized=true` is answered by a worker and waits for ever when none is ready.
TIMEOUT_S = 10.0
READY = "READY"


@dataclass(frozen=True)
class Description:
    """What TorchServe says of one version.

    Attributes:
        version: its version string.
        workers: of each worker, in TorchServe's words: READY, WORKER_STOPPED, …; UNLOADING is also its word for
            a worker that has not started yet.
        wanted_workers: what they are scaled to.
        batch_size: requests handed to a worker at once, at most.
        max_batch_delay_ms: how long it waits for a batch.
        response_timeout_s: after which a worker is killed.
        queue: requests that wait.
        processes: the last process of each worker, by the worker's name; -1 where it has had none yet.
    """

    version: str
    workers: tuple[str, ...]
    wanted_workers: int
    batch_size: int
    max_batch_delay_ms: int
    response_timeout_s: int
    queue: int
    processes: Mapping[str, int]

    @property
    def ready(self) -> int:
        """How many workers answer."""
        return self.workers.count(READY)


class Management:
    """Registers, scales, describes and unregisters the versions of one model."""

    def __init__(self, port: int, model: str, model_log: Path, timeout_s: float = TIMEOUT_S) -> None:
        """Talk to the management port of this machine; `model_log` is read for the cause of a failure."""
        self._base = f"http://127.0.0.1:{port}/models"
        self._model = model
        self._model_log = model_log
        self._timeout_s = timeout_s

    def describe(self, version: str) -> Description | None:
        """Return the state of a version, or None when it is not registered."""
        return next(iter(self._descriptions(version)), None)

    def describe_all(self) -> list[Description]:
        """Return the state of every registered version."""
        return list(self._descriptions("all"))

    def default(self) -> str | None:
        """Return the version that a path without one leads to; None where there is none."""
        # Without a version TorchServe describes its default one.
        answer = self._call("GET", f"/{self._model}", allow=(HTTPStatus.NOT_FOUND,))
        return answer.json()[0]["modelVersion"] if answer.ok else None

    def worker_processes(self, version: str) -> list[int]:
        """Return the process numbers of a version's workers that are ready."""
        answer = self._call("GET", f"/{self._model}/{version}")
        return [worker["pid"] for worker in answer.json()[0]["workers"] if worker["status"] == READY]

    def customized(self, version: str) -> Mapping[str, Any]:
        """Return what the handler says of itself: precision, arithmetic, licence; nothing when it does not answer."""
        try:
            answer = self._call("GET", f"/{self._model}/{version}", customized="true")
            return dict(answer.json()[0].get("customizedMetadata") or {})
        except (UserError, ValueError, IndexError):
            return {}

    def register(self, archive: Path, settings: VersionSettings) -> None:
        """Register an archive of the model store and start its workers, without waiting for them.

        Raises:
            UserError: TorchServe refuses it.
        """
        # As a query: a JSON body without max_batch_delay sets it to -10000 (RegisterModelRequest).
        self._call(
            "POST",
            "",
            url=archive.name,
            initial_workers=settings.min_workers,
            synchronous="false",
            batch_size=settings.batch_size,
            max_batch_delay=settings.max_batch_delay_ms,
            response_timeout=settings.response_timeout_s,
        )

    def set_default(self, version: str) -> None:
        """Let a path without a version lead to `version`."""
        self._call("PUT", f"/{self._model}/{version}/set-default")

    def scale(self, version: str, workers: int) -> None:
        """Ask for so many workers, without waiting for them. One that goes fails the batch it works on."""
        self._call("PUT", f"/{self._model}/{version}", min_worker=workers, max_worker=workers, synchronous="false")

    def unregister(self, version: str) -> None:
        """Remove a version and its workers at once; what waits in its queue is lost, so drain it first."""
        self._call("DELETE", f"/{self._model}/{version}")

    def wait_ready(
        self, version: str, workers: int, timeout_s: float, check: Callable[[], None] = lambda: None
    ) -> None:
        """Return when `workers` of a version are ready.

        Args:
            version: a registered one.
            workers: how many; no more than these may be left either.
            timeout_s: after which it is given up.
            check: called between looks; what it raises ends the wait.

        Raises:
            UserError: a worker ended before it was ready, or the time is over; with the cause from its log.
        """
        failures = worker_log.Failures(self._model_log, self._model, version)

        def done() -> bool:
            check()
            description = self.describe(version)
            if description is None:
                raise UserError(f"version {version} is not registered any more.")
            cause = failures.look() if description.ready < workers else None
            if cause is not None:
                raise UserError(f"version {version}: its worker does not come up: {cause} (see {self._model_log}).")
            return description.ready == workers == len(description.workers)

        if not processes.wait_until(done, timeout_s, pause_s=0.1):
            raise UserError(f"version {version}: not ready in time, and no cause is logged; see {self._model_log}.")

    def _descriptions(self, version: str) -> Iterator[Description]:
        answer = self._call("GET", f"/{self._model}/{version}", allow=(HTTPStatus.NOT_FOUND,))
        if answer.status == HTTPStatus.NOT_FOUND:
            return
        for item in answer.json():
            yield Description(
                version=item["modelVersion"],
                workers=tuple(worker["status"] for worker in item["workers"]),
                wanted_workers=item["minWorkers"],
                batch_size=item["batchSize"],
                max_batch_delay_ms=item["maxBatchDelay"],
                response_timeout_s=item["responseTimeout"],
                queue=item["jobQueueStatus"]["pendingRequests"],
                processes={worker["id"]: worker["pid"] for worker in item["workers"]},
            )

    def _call(self, method: str, path: str, allow: tuple[int, ...] = (), **query: str | int) -> Answer:
        try:
            answer = loopback.ask(method, self._base + path, self._timeout_s, query=query)
        except NoAnswer as error:
            raise UserError(
                f"TorchServe's management port does not answer ({self._base}); is it running? One that died is started "
                "again within seconds."
            ) from error
        if not answer.ok and answer.status not in allow:
            raise UserError(f"TorchServe refuses {method} {path or '/models'}: {_reason(answer)}")
        return answer


def _reason(answer: Answer) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError):
        return f"{answer.status} {answer.reason}"
