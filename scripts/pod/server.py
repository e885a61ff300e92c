"""The pod's TorchServe with its one version; the edge is the pod's other container."""

import contextlib
import os

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.locks import hold
from scripts.serving import starting, state
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.supervisor import NOT_RESTARTED, Interrupted, Supervisor


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
    run = wanted.places.run
    lock = hold(run / "lock", f"a server already runs in {run}.")
    # A container that was started again finds what the one before it has left.
    state.clean_up(run)
    try:
        Supervisor(wanted, NOT_RESTARTED).run(starting.torchserve_alone, lambda: print("ready", flush=True))
    except Interrupted:
        raise typer.Exit(130) from None
    finally:
        lock.close()


if __name__ == "__main__":
    cli.run(main)
