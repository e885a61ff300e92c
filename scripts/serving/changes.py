"""The changes that a running server can take: workers, and all that the operator's files say."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving import ejections, exposure, properties, properties_edit, registering
from scripts.serving.eligible import without
from scripts.serving.installation import Installation
from scripts.serving.live import READY_WITHIN_S, Live
from scripts.serving.management import Description
from scripts.serving.properties import VersionSettings


@dataclass(frozen=True)
class Outcome:
    """What a change came to, in sentences.

    Attributes:
        done: what is different now.
        needs_restart: what the files say but the running server can't become.
    """

    done: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()


def scale(live: Live, version: str, workers: int) -> Outcome:
    """Write the number of a version's workers into config.properties and bring TorchServe to it.

    Raises:
        UserError: there is no such version, they don't fit the cores, or don't come up; the file is as it was then.
    """
    config, model = live.wanted.config, live.wanted.spec.name
    if live.management.describe(version) is None:
        raise UserError(f"version {version or '(none)'} is not registered; `make status` lists those that are.")
    properties.check_cores(config, model, version, workers)
    before = config.path.read_text()
    replace_file(config.path, properties_edit.with_workers(config.path, model, version, workers))
    try:
        return Outcome(done=tuple(_scale(live, version, workers)))
    except BaseException:
        replace_file(config.path, before)
        raise


def apply(live: Live, effective: Mapping[str, Any]) -> Outcome:
    """Bring a running server to the operator's files.

    Args:
        live: the server, and what is wanted of it.
        effective: what `static` returned at the server's start.

    Raises:
        UserError: an archive, a worker or Envoy refuses.
    """
    wanted = live.wanted
    exposure.require(wanted)
    done = list(_readmitted(live))
    new = [version for version in wanted.traffic.versions if not registering.complete(live, version)]
    for version in new:
        registering.register(live, version)
        done.append(f"registered {version}")
    live.route(wanted.traffic, opening=new)
    if live.edge.renew(wanted.traffic):
        done.append("the certificate is the one that is in its file now")
    needs_restart = list(restarts(effective, wanted))
    for version, description in live.descriptions().items():
        settings = wanted.config.version(wanted.spec.name, version)
        if not _same_batching(description, settings):
            if without(wanted.traffic, version, live.descriptions()) is None:
                needs_restart.append(f"batching of {version} (no other version can take its traffic meanwhile)")
                continue
            wanted.verified(version)  # before it is taken out, not after
            with live.drained(version):
                live.management.unregister(version)
                registering.register(live, version)
            done.append(f"registered {version} again, with its new batching, while others took its traffic")
        elif description.wanted_workers != settings.min_workers:
            done.extend(_scale(live, version, settings.min_workers))
    done.append("keys: " + (", ".join(wanted.keys) or "none, so that nobody needs one"))
    done.append("edge: " + ", ".join(f"{version}={weight}" for version, weight in wanted.traffic.split.items()))
    return Outcome(tuple(done), tuple(needs_restart))


def _readmitted(live: Live) -> Iterator[str]:
    """Give versions their share back that were taken out because they could not answer, and now can."""
    registered = live.descriptions()
    for version, ejection in ejections.current(live.wanted.places.run).items():
        if version in registered and not registered[version].ready:
            yield f"{version} stays out of the split ({ejection.reason}): it has no worker that is ready"
        elif ejections.readmit(live.wanted.places.run, version):
            yield f"{version} is back in the split"


def static(wanted: Installation) -> dict[str, Any]:
    """Return what a running server can't change, by file and key, as JSON would have it."""
    config, traffic = wanted.config, wanted.traffic
    found = {
        **{f"config.properties: {key}": value for key, value in config.torchserve.items() if key != "models"},
        **{f"config.properties: handler.{key}": value for key, value in config.handler.model_dump().items()},
        **{f"traffic.yaml: edge.{key}": value for key, value in traffic.edge.model_dump().items()},
    }
    return dict(json.loads(json.dumps(found)))


def restarts(effective: Mapping[str, Any], wanted: Installation) -> Iterator[str]:
    """Give what only a restart brings: where the files say otherwise than what `static` returned at the start."""
    for key, was, now in _differences(effective, static(wanted)):
        yield f"{key} ({was} → {now})"


def save_static(wanted: Installation) -> None:
    """Write down what a server starts with."""
    replace_file(_static_path(wanted), json.dumps(static(wanted), indent=2) + "\n")


def load_static(wanted: Installation) -> dict[str, Any]:
    """Return what the running server started with."""
    return dict(json.loads(_static_path(wanted).read_text()))


def _static_path(wanted: Installation) -> Path:
    return wanted.places.run / "effective.json"


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)


def _same_batching(description: Description, settings: VersionSettings) -> bool:
    return (description.batch_size, description.max_batch_delay_ms, description.response_timeout_s) == (
        settings.batch_size,
        settings.max_batch_delay_ms,
        settings.response_timeout_s,
    )


def _scale(live: Live, version: str, workers: int) -> Iterator[str]:
    description = live.management.describe(version)
    fewer = description is not None and workers < description.wanted_workers

    def change() -> None:
        live.management.scale(version, workers)
        live.management.wait_ready(version, workers, READY_WITHIN_S)

    # TorchServe does not let a worker that goes finish its batch.
    if fewer and without(live.wanted.traffic, version, live.descriptions()) is not None and workers > 0:
        with live.drained(version):
            change()
        yield f"{version} has {workers} workers; others took its traffic meanwhile"
    else:
        change()
        lost = "; requests that the others were working on may have failed" if fewer else ""
        yield f"{version} has {workers} workers{lost}"
