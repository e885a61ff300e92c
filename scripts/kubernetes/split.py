"""Changes who answers how much, in traffic.yaml, in the manifests and in the cluster's route."""

from typing import Annotated

import typer

from scripts import cli
from scripts.kubernetes import options
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.said import say
from scripts.kubernetes.splitting import set_split
from scripts.kubernetes.wanted import held
from scripts.split import parse


def main(
    weights: Annotated[list[str], typer.Argument(help='VERSION=PERCENT …, 100 in all: "1.0=90 2.0=10".')],
    overlay: options.Overlay,
    context: options.Context = "",
    as_json: options.Json = False,
) -> None:
    """Change the split without losing a request; a version that is not named gets 0."""
    with held() as wanted:
        cluster = Cluster.of(wanted.places.manifests, overlay, context)
        say(cluster, set_split(cluster, wanted, parse(" ".join(weights))), as_json)


if __name__ == "__main__":
    cli.run(main)
