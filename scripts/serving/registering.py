"""A version's way into TorchServe: its digest checked, its workers ready, each of them warm."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.serving import ejections, warming
from scripts.serving.live import READY_WITHIN_S, Live
from scripts.serving.management import Management


@dataclass(frozen=True)
class Registration:
    """What registering a version came to.

    Attributes:
        new: it was not registered before.
        warmed_with: real images that its workers have answered.
    """

    new: bool
    warmed_with: int


def complete(live: Live, version: str) -> bool:
    """Return whether a version is registered, and its path at the edge open: that is the last step of it."""
    return version in live.descriptions() and version in live.edge.opened()


def register(live: Live, version: str) -> Registration:
    """Register a version whose archive was built, and return when each of its workers has answered real images.

    Its path at the edge is the caller's to open. A registration that a killed command began is brought to its end.

    Raises:
        UserError: the archive is missing or was changed, a worker does not come up, or a real image is answered with an
            error; the version is taken out again then.
    """
    places, model = live.wanted.places, live.wanted.spec.name
    settings = live.wanted.config.version(model, version)
    archived = live.wanted.verified(version)
    present = live.management.describe(version)
    if present is None:
        live.management.register(places.archive(model, version), settings)
    workers = present.wanted_workers if present else settings.min_workers
    with taken_out_at_a_failure(live, version):
        live.management.wait_ready(version, workers, READY_WITHIN_S)
        if present is None:
            require_verified(live.management, archived)
    if present is not None:
        require_same(live, version)
    with taken_out_at_a_failure(live, version):
        warmed_with = warming.warm(live, version)
    ejections.readmit(places.run, version)
    return Registration(new=present is None, warmed_with=warmed_with)


def require_verified(management: Management, archived: Metadata) -> None:
    """Return when a version that has just come up is the one that was verified: TorchServe read the archive after us.

    Raises:
        UserError: another one came in its place meanwhile.
    """
    running = management.customized(archived.version)
    if running and running.get("digest") != archived.digest:
        raise UserError(
            f"version {archived.version}: its archive was replaced while TorchServe read it; let whatever does that "
            "end, and begin again."
        )


def require_same(live: Live, version: str) -> None:
    """Return when a registered version is what its archive holds.

    Raises:
        UserError: the archive was changed, or built anew with other content since it was registered.
    """
    archived, running = live.wanted.verified(version), live.management.customized(version)
    if running and running.get("digest") != archived.digest:
        raise UserError(
            f"version {version} runs with other content than its archive now has; build that under a new version, "
            f"or `{live.wanted.restart}`."
        )


@contextmanager
def taken_out_at_a_failure(live: Live, version: str, *, even_open: bool = True) -> Iterator[None]:
    """Take a version out again when the block fails; `even_open`: though its path at the edge is open by then."""
    try:
        yield
    except BaseException:
        # Otherwise TorchServe would start its worker again and again.
        if even_open or version not in live.edge.opened():
            with contextlib.suppress(UserError):  # It may be gone already; the cause is what is to be read.
                live.management.unregister(version)
        raise
