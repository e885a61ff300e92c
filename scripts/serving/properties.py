"""config.properties, read strictly: a mistake is one sentence before anything starts."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import javaproperties
import pydantic
from pydantic import Field

from handler.settings import Settings
from handler.strict import StrictModel, load
from scripts.errors import UserError
from scripts.serving import known_keys
from scripts.serving.places import Ports

HANDLER_PREFIX = "handler."
_LOG, _HARVEST = "prediction_log", "harvest"
_FOLDERS = (f"{_LOG}_folder", f"{_HARVEST}_folder")


class VersionSettings(StrictModel):
    """One version's entry in `models={…}`; the defaults are those of a version without an entry."""

    batch_size: int = Field(default=8, ge=1, alias="batchSize")
    # TorchServe waits for a batch this long even while workers idle; 0 or less caps batches at 2 (BatchAggregator).
    max_batch_delay_ms: int = Field(default=1, ge=1, alias="maxBatchDelay")
    min_workers: int = Field(default=1, ge=0, alias="minWorkers")
    max_workers: int = Field(default=1, ge=1, alias="maxWorkers")
    # A worker that takes longer is killed, so this is an upper bound for a whole batch.
    response_timeout_s: int = Field(default=60, ge=1, alias="responseTimeout")

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> "VersionSettings":
        if self.min_workers > self.max_workers:
            raise ValueError(f"minWorkers ({self.min_workers}) is above maxWorkers ({self.max_workers})")
        return self


@dataclass(frozen=True)
class Config:
    """A config.properties that holds together.

    Attributes:
        path: the file.
        torchserve: TorchServe's own keys as they are written.
        models: model → version → settings.
        handler: the workers' settings.
    """

    path: Path
    torchserve: Mapping[str, str]
    models: Mapping[str, Mapping[str, VersionSettings]]
    handler: Settings

    def version(self, model: str, version: str) -> VersionSettings:
        """Return a version's settings; the documented defaults when it has no entry."""
        return self.models.get(model, {}).get(version, VersionSettings())

    def ports(self) -> Ports:
        """Return the ports that the file names, TorchServe's defaults where it names none."""
        values = self.torchserve
        addresses = {key: values[key] for key in known_keys.ADDRESSES if key in values}
        named = {key.removesuffix("_address"): known_keys.port_of(key, value) for key, value in addresses.items()}
        grpc = {key.removesuffix("_port"): int(values[key]) for key in known_keys.GRPC_PORTS if key in values}
        return replace(Ports(), **named, **grpc)

    @property
    def logs_predictions(self) -> bool:
        """Whether workers write a prediction log."""
        return self.handler.prediction_share > 0

    @property
    def harvests(self) -> bool:
        """Whether workers keep images that are worth a label."""
        return self.handler.harvest == "on"

    @property
    def requests_at_once(self) -> int:
        """What `job_queue_size` says: requests of one version that wait or are worked on; the edge refuses one more."""
        return int(self.torchserve.get(known_keys.QUEUE, known_keys.QUEUE_DEFAULT))

    def environment(self) -> dict[str, str]:
        """Return the handler's settings as the environment variables that its workers read, but for its folders."""
        # An archive of before there was one of these refuses to load with settings that it does not know.
        off = tuple(name for name, on in ((_LOG, self.logs_predictions), (_HARVEST, self.harvests)) if not on)
        unknown = {name for name in type(self.handler).model_fields if name.startswith(off)}
        values = self.handler.model_dump(exclude={*_FOLDERS, *unknown})
        return {f"HANDLER_{name.upper()}": str(value) for name, value in values.items()}


def read(path: Path, cores: int | None = None) -> Config:
    """Return the configuration in `path`.

    Args:
        path: config.properties.
        cores: processors that workers may use; this process's own by default.

    Raises:
        UserError: one sentence that names the file, the key and a fix.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; restore it from the repository or set CONFIG.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no UTF-8; save the file as UTF-8.") from None
    values = javaproperties.loads(text, object_pairs_hook=lambda pairs: _once(path, pairs))
    handler_values = {key: value for key, value in values.items() if key.startswith(HANDLER_PREFIX)}
    torchserve = {key: value for key, value in values.items() if key not in handler_values}
    try:
        named = {key.removeprefix(HANDLER_PREFIX): value for key, value in handler_values.items()}
        for folder in _FOLDERS:
            if folder in named:
                raise ValueError(f"`{HANDLER_PREFIX}{folder}` can't be chosen: it is in RUN_DIR; remove it.")
        handler = load(Settings, named, "`handler.`")
        known_keys.check(torchserve, near=[HANDLER_PREFIX + name for name in Settings.model_fields])
        models = dict(_models(torchserve.get("models", "{}")))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    config = Config(path, torchserve, models, handler)
    for model, versions in models.items():
        for version, settings in versions.items():
            check_cores(config, model, version, settings.max_workers, cores)
    return config


def check_cores(config: Config, model: str, version: str, workers: int, cores: int | None = None) -> None:
    """Return when a version's workers fit the machine.

    Raises:
        UserError: workers x threads is more than the cores; ONNX Runtime's spinning threads would slow each other.
    """
    cores = cores or usable_cores()
    threads = config.handler.threads
    if workers * threads > cores:
        raise UserError(
            f"{config.path}: {model} {version}: {workers} workers x {threads} threads are more than the "
            f"{cores} cores here; lower maxWorkers to {cores // threads} or handler.threads."
        )


def usable_cores() -> int:
    """Return how many processors this process may run on."""
    # macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _once(path: Path, pairs: Any) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in pairs:
        if key in values:
            raise UserError(f"{path}: `{key}` is there twice; keep one.")
        values[key] = value
    return values


def _models(text: str) -> Iterator[tuple[str, dict[str, VersionSettings]]]:
    try:
        models = json.loads(text)
    except json.JSONDecodeError as error:
        near = text[max(error.pos - 20, 0) : error.pos + 10]
        raise ValueError(f"`models` is no JSON: {error.msg} near `{near}`.") from None
    if not isinstance(models, dict) or not all(isinstance(versions, dict) for versions in models.values()):
        raise ValueError('`models` must look like {"mobilenet_v3": {"1.0": {"batchSize": 8}}}.')
    for model, versions in models.items():
        yield (
            model,
            {
                version: load(VersionSettings, settings, f"`models`: {model} {version}")
                for version, settings in versions.items()
            },
        )
