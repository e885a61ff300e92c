"""Puts the weights back that the cluster's route had before the last change."""

from scripts import cli
from scripts.errors import UserError
from scripts.kubernetes import change, options
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.said import say_split
from scripts.kubernetes.wanted import read as read_wanted
from scripts.split import parse


def main(overlay: options.Overlay = "local", context: options.Context = "", as_json: options.Json = False) -> None:
    """Undo the last `split`, `promote` or `rollback`."""
    wanted = read_wanted()
    with change.one_at_a_time(wanted):
        cluster = Cluster.of(wanted.places.manifests, overlay, context)
        previous = cluster.route()["metadata"].get("annotations", {}).get(change.PREVIOUS)
        if previous is None:
            raise UserError(f"no split was changed in {cluster.where()}, so there is nothing to go back to.")
        before = change.set_split(cluster, wanted, parse(previous))
        say_split(cluster, before, as_json)


if __name__ == "__main__":
    cli.run(main)
