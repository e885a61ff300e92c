"""What has to be in order before anybody but this machine can reach the edge."""

import ipaddress

from scripts.errors import UserError
from scripts.serving import state, tls
from scripts.serving.installation import Installation


def require(wanted: Installation) -> None:
    """Return when the edge may listen where it is told to.

    Raises:
        UserError: others than this machine could reach it without a key, or `edge.tls` names files that don't do.
    """
    require_key(wanted)
    if wanted.traffic.edge.tls:
        tls.require(wanted.traffic.edge.tls, wanted.places.traffic)


def require_key(wanted: Installation) -> None:
    """Return when nobody but this machine can reach the edge without a key.

    Raises:
        UserError: others could.
    """
    if wanted.keys:
        return
    # One that runs stays where it is until a restart, whatever traffic.yaml and EDGE_ADDRESS say by now.
    running = state.running(wanted.places.run)
    for address in (wanted.traffic.edge.address, *([running.address] if running else [])):
        if not ipaddress.ip_address(address).is_loopback:
            raise UserError(
                f"the edge would listen at {address} and take everybody's requests: {wanted.places.keys} has no key; "
                "make one with `make key NAME=<who>`, or listen at 127.0.0.1."
            )
