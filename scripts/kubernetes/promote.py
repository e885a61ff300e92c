"""Gives one version all of the traffic in the cluster; the others keep their pods."""

from typing import Annotated

import typer

from scripts import cli
from scripts.kubernetes import options
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.said import say
from scripts.kubernetes.splitting import set_split
from scripts.kubernetes.wanted import held


def main(
    version: Annotated[str, typer.Option(help="A registered version.")],
    overlay: options.Overlay,
    context: options.Context = "",
    as_json: options.Json = False,
) -> None:
    """Give a version 100 % and every other one 0."""
    with held() as wanted:
        cluster = Cluster.of(wanted.places.manifests, overlay, context)
        say(cluster, set_split(cluster, wanted, {version: 100}), as_json)


if __name__ == "__main__":
    cli.run(main)
