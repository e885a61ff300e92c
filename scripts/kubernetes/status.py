"""Says what the cluster runs: versions, weights, pods, and whether the Gateway has taken the route."""

import json
from typing import Any

from scripts import cli
from scripts.kubernetes import acceptance, options
from scripts.kubernetes.cluster import Cluster, split
from scripts.kubernetes.said import words
from scripts.kubernetes.wanted import read as read_wanted
from scripts.serving.installation import Installation


def main(overlay: options.Overlay = "local", context: options.Context = "", as_json: options.Json = False) -> None:
    """Print the state of an overlay's service."""
    wanted = read_wanted()
    facts = collect(Cluster.of(wanted.places.manifests, overlay, context), wanted)
    print(json.dumps(facts) if as_json else text(facts))


def collect(cluster: Cluster, wanted: Installation) -> dict[str, Any]:
    """Return what runs, beside what traffic.yaml wants."""
    route, pods = cluster.route(), cluster.pods()
    effective = split(route, pods)
    said = acceptance.conditions(route, route["metadata"].get("generation", 0))
    return {
        "overlay": cluster.overlay.name,
        "where": cluster.where(),
        "accepted": bool(said) and all(one["status"] == "True" for one in said),
        "split": effective,
        "wanted": wanted.traffic.split,
        "versions": {
            version: {
                "deployment": about.name,
                "weight": effective.get(version),
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
    taken = "has taken the route" if facts["accepted"] else "has NOT taken the route"
    lines = [f"{facts['where']}: the Gateway {taken}", *table]
    if facts["split"] != facts["wanted"]:
        lines.append(
            f"traffic.yaml says {words(facts['wanted'])}; apply the overlay, or `make split TARGET=kubernetes`"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    cli.run(main)
