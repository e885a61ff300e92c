"""What verbs say of a split that they changed."""

import json
from collections.abc import Mapping

from scripts.kubernetes.cluster import Cluster, split


def say_split(cluster: Cluster, before: Mapping[str, int], as_json: bool) -> None:
    """Print the weights that the route has now, and had."""
    now = split(cluster.route(), cluster.pods())
    if as_json:
        print(json.dumps({"overlay": cluster.overlay.name, "split": now, "before": dict(before)}))
        return
    print(f"split in {cluster.where()}: {words(now)}; before: {words(before)}")
    print("traffic.yaml and deploy/kubernetes say the same; commit them")


def words(weights: Mapping[str, int]) -> str:
    """Return weights as `make split` takes them."""
    return " ".join(f"{version}={weight}" for version, weight in weights.items())
