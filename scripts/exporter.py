"""Serves the release's metrics for Prometheus, beside the running server that starts it; `make report` says the same.

Shares against weights, disagreement, drift, a canary's state: docs/metrics.md. No request waits for it.
"""

import os
import signal
import time

from scripts import cli
from scripts.exporting import page
from scripts.exporting.live import Live
from scripts.serving.installation import Installation

# Behind the servers, whatever they do.
_NICENESS = 10
# A server that comes up needs the cores itself.
_FIRST_LOOK_AFTER_S = 5.0


def main() -> None:
    """Serve until a signal comes."""
    # At once, also out of a database's work: it only reads.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(_NICENESS)
    wanted = Installation.read(os.environ)
    assert wanted.ports.exporter is not None, "it has a default"
    release = page.Release(wanted.places, wanted.spec.name)
    live = Live(wanted.places, wanted.ports, wanted.spec.name)
    page.serve(release, live, wanted.ports.exporter, _say)
    time.sleep(_FIRST_LOOK_AFTER_S)
    _look_on(wanted, release)


def _look_on(wanted: Installation, release: page.Release) -> None:
    from scripts.exporting import looks  # noqa: PLC0415  (half a second; the page is up before)

    while True:
        before = release.look.failure if release.look else ""
        release.look = looks.look(wanted, release.look)
        if release.look.failure != before:
            _say(release.look.failure or "the logs can be read again")
        time.sleep(looks.pause_s(release.look.took_s))


def _say(text: str) -> None:
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)


if __name__ == "__main__":
    cli.run(main)
