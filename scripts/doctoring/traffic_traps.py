"""What traffic.yaml and keys.yaml may say and hardly mean."""

import stat
from collections.abc import Iterator

from scripts.doctoring.finding import Finding, look, ok
from scripts.serving.installation import Installation


def findings(wanted: Installation) -> list[Finding]:
    """Return the traps found, each with its edit."""
    return [*_split(wanted), *_keys(wanted)] or [ok("traps of traffic.yaml", "none found")]


def _split(wanted: Installation) -> Iterator[Finding]:
    traffic, name = wanted.traffic, wanted.places.traffic.name
    if traffic.shadow and traffic.split.get(traffic.shadow.version) == sum(traffic.split.values()):
        found = f"the shadow is {traffic.shadow.version}, which has all of the traffic already"
        yield look(name, found, "make shadow PERCENT=0")
    several = sum(weight > 0 for weight in traffic.split.values()) > 1
    if several and not traffic.sticky_header and not traffic.sticky_cookie:
        found = "neither sticky_header nor sticky_cookie: the same user meets now one version, now another"
        yield look(name, found, f"set `sticky_header: x-user-id` in {name}")
    at_once = traffic.per_key.at_once
    if isinstance(at_once, int) and at_once > wanted.config.requests_at_once:
        found = f"`per_key.at_once` ({at_once}) is above job_queue_size ({wanted.config.requests_at_once})"
        yield look(name, f"{found}, so that one key can fill the queue", f"lower it in {name}, or set it to auto")


def _keys(wanted: Installation) -> Iterator[Finding]:
    limits = wanted.traffic.per_key
    if limits.requests_per_s is not None and not wanted.keys:
        found = "`per_key.requests_per_s` has no effect without keys"
        yield look(wanted.places.traffic.name, found, "make key NAME=<who>")
    path = wanted.places.keys
    if wanted.keys and path.is_file() and path.parent.stat().st_mode & stat.S_IWOTH:
        # Whoever may write the folder can put another file in its place.
        found = f"every user may write {path.parent}, and so put another file in the place of {path.name}"
        yield look(path.name, found, f"chmod o-w {path.parent}")
