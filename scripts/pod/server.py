"""The pod's TorchServe with its one version; the edge is the pod's other container."""

import contextlib
import os

from scripts import cli
from scripts.errors import UserError
from scripts.serving import foreground, starting
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.supervisor import NOT_RESTARTED, Supervisor


def main() -> None:
    """Serve until SIGTERM.

    Exit status: 0 stopped by a signal; 1 it did not come up; 3 TorchServe died; 130 or 143 interrupted before it was
    ready.
    """
    wanted = Installation.read(os.environ).without_exporter()
    for version in wanted.traffic.versions:
        wanted.verified(version)
    # A kubelet runs preStop before every end of this container, one by its probes as well, and then starts it again
    # beside the same edge, which would be draining for ever. An edge that does not answer comes up without that.
    with contextlib.suppress(UserError):
        Admin(wanted.ports.admin).pass_health()
    supervisor = Supervisor(wanted, NOT_RESTARTED)
    foreground.serve(supervisor, starting.torchserve_alone, lambda: print("ready", flush=True), end="end it")


if __name__ == "__main__":
    cli.run(main)
