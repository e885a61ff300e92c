"""Puts the weights back that the cluster's route had before the last change."""

from scripts import cli
from scripts.errors import UserError
from scripts.kubernetes import options, patch
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.said import say
from scripts.kubernetes.splitting import set_split
from scripts.kubernetes.wanted import held
from scripts.split import parse


def main(
    overlay: options.Overlay,
    context: options.Context = "",
    as_json: options.Json = False,
) -> None:
    """Undo the last `split`, `promote` or `rollback` that changed a weight."""
    with held() as wanted:
        cluster = Cluster.of(wanted.places.manifests, overlay, context)
        words = patch.previous(cluster.route())
        if words is None:
            raise UserError(f"no split was changed in {cluster.where()}, so there is nothing to go back to.")
        say(cluster, set_split(cluster, wanted, parse(words)), as_json)


if __name__ == "__main__":
    cli.run(main)
