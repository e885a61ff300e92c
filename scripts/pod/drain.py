"""Before a pod ends: no new requests, and an answer for those that are under way."""

import os
import time

from scripts import cli
from scripts.errors import UserError
from scripts.serving import processes
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation

SETTLE_S = 10.0
"""Until gateways have heard that the pod goes; they send requests until then, and nothing here shows when that is."""


def main() -> None:
    """Return when the edge has no request left, or none can still be answered in time."""
    wanted = Installation.read(os.environ)
    admin = Admin(wanted.ports.admin)
    # /healthz is 503 from here on, and each connection is closed with its next answer.
    admin.fail_health()
    time.sleep(SETTLE_S)
    timeout_s = wanted.traffic.edge.timeout_s
    if not processes.wait_until(lambda: admin.active_requests() == 0, timeout_s):
        raise UserError(f"{admin.active_requests()} requests are still under way after {timeout_s} s.")


def longest_s(timeout_s: float) -> float:
    """Return how long it takes at most, for an edge whose answers take at most `timeout_s`."""
    return SETTLE_S + timeout_s


if __name__ == "__main__":
    cli.run(main)
