"""A change of keys.yaml, and the running edge brought to it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.locks import hold
from scripts.serving import exposure, front, keys, state
from scripts.serving.live import Live
from scripts.serving.places import Places
from scripts.serving.running import serving
from scripts.signals import uninterrupted

_PRIVATE = 0o600
# The supervisor's own changes take less.
_PATIENCE_S = 2.0


def make(environment: Mapping[str, str], edit: Callable[[Path], str]) -> bool:
    """Write keys.yaml as `edit` has it; return whether a running edge goes by it now.

    Raises:
        UserError: `edit` does, the edge refuses, or it would be open to a network; the file is as it was then.
    """
    places = Places.from_environment(environment)
    taken = "another command changes the running server just now; let it end first."
    with hold(places.run / "change.lock", taken, _PATIENCE_S):
        if state.running(places.run) is None:
            replace_file(places.keys, edit(places.keys), _PRIVATE)
            return False
        serving(environment)
        before = places.keys.read_text(encoding="utf-8") if places.keys.is_file() else None
        replace_file(places.keys, edit(places.keys), _PRIVATE)
        try:
            _admit(environment)
        except BaseException as error:
            with uninterrupted():
                if before is None:
                    places.keys.unlink()
                else:
                    replace_file(places.keys, before, _PRIVATE)
            if isinstance(error, UserError):
                raise UserError(f"{error} So {places.keys} is as it was: no key was made or revoked.") from error
            raise
    return True


def _admit(environment: Mapping[str, str]) -> None:
    running = serving(environment)
    if running.is_front:
        wanted = front.attached(environment, running)
        edge = front.edge(wanted)
    else:
        live = Live.look(environment)
        wanted, edge = live.wanted, live.edge
    exposure.require_key(wanted)
    edge.admit(wanted.traffic)


def left(environment: Mapping[str, str]) -> list[str]:
    """Return the names that have a key."""
    return list(keys.read(Places.from_environment(environment).keys))
