"""Gives one version all of the traffic in the cluster; the others keep their pods."""

from typing import Annotated

import typer

from scripts import cli
from scripts.kubernetes import change, options
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.said import say_split
from scripts.kubernetes.wanted import read as read_wanted


def main(
    version: Annotated[str, typer.Option(help="A registered version.")],
    overlay: options.Overlay = "local",
    context: options.Context = "",
    as_json: options.Json = False,
) -> None:
    """Give a version 100 % and every other one 0."""
    wanted = read_wanted()
    with change.one_at_a_time(wanted):
        cluster = Cluster.of(wanted.places.manifests, overlay, context)
        before = change.set_split(cluster, wanted, {version: 100})
        say_split(cluster, before, as_json)


if __name__ == "__main__":
    cli.run(main)
