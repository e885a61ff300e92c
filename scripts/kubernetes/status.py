"""Says what the cluster runs: versions, weights, pods, and whether the Gateway has taken the route."""

import json
from typing import Any

from scripts import cli
from scripts.kubernetes import names, options, patch
from scripts.kubernetes.acceptance import Refused, accepted
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.splitting import words
from scripts.kubernetes.wanted import read
from scripts.serving.installation import Installation


def main(overlay: options.Overlay, context: options.Context = "", as_json: options.Json = False) -> None:
    """Print the state of an overlay's service."""
    wanted = read()
    facts = collect(Cluster.of(wanted.places.manifests, overlay, context), wanted)
    print(json.dumps(facts) if as_json else text(facts))


def collect(cluster: Cluster, wanted: Installation) -> dict[str, Any]:
    """Return what runs, beside what traffic.yaml wants."""
    route, pods, split = cluster.route(), cluster.pods(), wanted.traffic.split
    here = patch.weights(route)
    known = {names.of(version): version for version in [*split, *pods]}
    try:
        refused, taken = None, accepted(route, route["metadata"].get("generation", 0))
    except Refused as error:
        refused, taken = str(error), False
    return {
        "overlay": cluster.overlay.name,
        "where": cluster.where(),
        "verbs": cluster.words,
        "accepted": taken,
        "refused": refused,
        "split": {known.get(service, service): weight for service, weight in here.items()},
        "wanted": split,
        "versions": {
            version: {
                "deployment": about.name,
                "weight": here.get(names.of(version)),
                "ready": about.ready,
                "wanted": about.wanted,
            }
            for version, about in sorted(pods.items())
        },
    }


def text(facts: dict[str, Any]) -> str:
    """Return the same for a person."""
    rows = [("version", "weight", "pods", "deployment")]
    for version, about in facts["versions"].items():
        weight = "not in the route" if about["weight"] is None else f"{about['weight']} %"
        rows.append((version, weight, f"{about['ready']}/{about['wanted']} ready", about["deployment"]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    taken = "has taken the route" if facts["accepted"] else f"has NOT taken the route ({facts['refused'] or 'no word'})"
    lines = [f"{facts['where']}: the Gateway {taken}", *table]
    if words(facts["split"]) != words(facts["wanted"]):
        lines.append(
            f"traffic.yaml says {words(facts['wanted'])}; an apply of these files would bring that, "
            f'`make split {facts["verbs"]} SPLIT="{words(facts["split"])}"` brings the files to the cluster'
        )
    return "\n".join(lines)


if __name__ == "__main__":
    cli.run(main)
