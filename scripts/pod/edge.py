"""The pod's edge: Envoy in this process's place, from the same templates as on a laptop."""

import os

from scripts import cli
from scripts.serving import envoy_limits, envoy_process
from scripts.serving.edge import Edge
from scripts.serving.installation import Installation


def main() -> None:
    """Write Envoy's configuration into RUN_DIR and become Envoy; requests are logged to its output."""
    wanted = Installation.read(os.environ).without_exporter()
    edge = Edge.of(wanted, access_log=None)
    edge.prepare(wanted.traffic)
    argv = envoy_process.command(edge.bootstrap, wanted.traffic.edge.threads)
    envoy_limits.raise_descriptors()
    os.execv(argv[0], argv)


if __name__ == "__main__":
    cli.run(main)
