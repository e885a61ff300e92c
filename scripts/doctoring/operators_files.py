"""The operator's files, each read by the code that serves; what that refuses is the finding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.doctoring.finding import Finding, of_error, ok
from scripts.errors import UserError
from scripts.pipeline.spec import DEFAULT_MODEL
from scripts.serving import exposure, keys, properties, state, traffic
from scripts.serving.installation import Installation
from scripts.serving.places import Places


@dataclass(frozen=True)
class Read:
    """What could be read.

    Attributes:
        findings: one for each file, and one for what they say together.
        wanted: all of it; None where something is refused.
    """

    findings: list[Finding]
    wanted: Installation | None


def read(environment: Mapping[str, str]) -> Read:
    """Return the operator's files as the next `make serve` would take them, or what it would refuse."""
    places = Places.from_environment(environment)
    readers: dict[str, Callable[[], Any]] = {
        places.config.name: lambda: properties.read(places.config),
        places.traffic.name: lambda: traffic.read(places.traffic).listening(environment),
        places.keys.name: lambda: keys.read(places.keys),
    }
    found = [_tried(name, reader) for name, reader in readers.items()]
    if any(refused for _, refused in found):
        return Read([finding for finding, _ in found], None)
    findings = [finding for finding, _ in found]
    running = state.running(places.run)
    model = environment.get("MODEL") or (running.model if running else DEFAULT_MODEL)
    try:
        wanted = Installation.read({**environment, "MODEL": model})
        exposure.require(wanted)
    except UserError as error:
        return Read([*findings, of_error("the files together", str(error))], None)
    said = f"MODEL={model}, served as {wanted.spec.name} at {wanted.url}"
    keyed = f"{len(wanted.keys)} keys" if wanted.keys else "no keys: loopback only"
    return Read([*findings, ok("the files together", f"{said}; {keyed}")], wanted)


def _tried(name: str, reader: Callable[[], Any]) -> tuple[Finding, bool]:
    try:
        reader()
    except UserError as error:
        return of_error(name, str(error)), True
    return ok(name, "read"), False
