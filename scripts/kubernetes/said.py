"""What verbs say of a split that they changed."""

import json
from dataclasses import asdict

from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.splitting import Splits, words


def say(cluster: Cluster, splits: Splits, as_json: bool) -> None:
    """Print the weights that the route has now, and had."""
    if as_json:
        print(json.dumps({"overlay": cluster.overlay.name, **asdict(splits)}))
    elif splits.after == splits.before:
        print(f"split in {cluster.where()}: {words(splits.after)}, as it was")
    else:
        print(f"split in {cluster.where()}: {words(splits.after)}; before: {words(splits.before)}")
        print("traffic.yaml and the manifests say the same; commit them")
