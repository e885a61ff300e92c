"""A change of keys.yaml, and the running edge brought to it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.files import replace_file
from scripts.locks import hold
from scripts.serving import exposure, keys, state
from scripts.serving.live import Live
from scripts.serving.places import Places
from scripts.signals import uninterrupted

_PRIVATE = 0o600


def make(environment: Mapping[str, str], edit: Callable[[Path], str]) -> bool:
    """Write keys.yaml as `edit` has it; return whether a running edge goes by it now.

    Raises:
        UserError: `edit` does, the edge refuses, or it would be open to a network; the file is as it was then.
    """
    places = Places.from_environment(environment)
    if state.running(places.run) is None:
        with hold(places.run / "change.lock", "another command changes the keys just now; let it end first."):
            replace_file(places.keys, edit(places.keys), _PRIVATE)
        return False
    with Live.attach(environment):
        before = places.keys.read_text(encoding="utf-8") if places.keys.is_file() else None
        replace_file(places.keys, edit(places.keys), _PRIVATE)
        try:
            live = Live.look(environment)
            exposure.require_key(live.wanted)
            live.edge.admit(live.wanted.traffic)
        except BaseException:
            with uninterrupted():
                if before is None:
                    places.keys.unlink()
                else:
                    replace_file(places.keys, before, _PRIVATE)
            raise
    return True


def left(environment: Mapping[str, str]) -> list[str]:
    """Return the names that have a key."""
    return list(keys.read(Places.from_environment(environment).keys))
