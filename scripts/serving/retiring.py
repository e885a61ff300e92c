"""A version's way out: no traffic, no path, no request, and only then unregistered."""

from scripts.errors import UserError
from scripts.serving import traffic_file
from scripts.serving.live import Live
from scripts.serving.traffic import Traffic


def retire(live: Live, version: str) -> bool:
    """Take a version that gets no traffic out of traffic.yaml, the edge and TorchServe; return whether it was in one.

    Every step can be the last one of a killed command: the next takes up where it ended.

    Raises:
        UserError: it has traffic, or its requests did not end in time.
    """
    wanted = live.wanted.traffic
    require_unused(wanted, version)
    registered = live.management.describe(version) is not None
    if not registered and version not in wanted.split and version not in live.edge.opened():
        return False
    path = live.wanted.places.traffic
    live.commit(traffic_file.without(path, version), "retire", closing=version)
    if not registered:
        return True
    if not live.emptied(version):
        raise UserError(
            f"version {version} gets no new requests, but some of its old ones have not ended in time; "
            f"`make retire VERSION={version}` again."
        )
    live.management.unregister(version)
    return True


def require_unused(wanted: Traffic, version: str) -> None:
    """Return when nobody gets answers of a version.

    Raises:
        UserError: it is the only one, has weight, or is the shadow; with the command that changes that.
    """
    weight = wanted.split.get(version, 0)
    if list(wanted.split) == [version]:
        raise UserError(f"version {version} is the only one; give its traffic to another before it is retired.")
    if weight:
        others = " or ".join(f"`make promote VERSION={other}`" for other in wanted.split if other != version)
        raise UserError(f"version {version} has {weight} % of the traffic; {others} first.")
    if wanted.shadow and wanted.shadow.version == version:
        raise UserError(f"version {version} is the shadow; `make shadow PERCENT=0` first.")
