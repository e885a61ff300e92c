"""Makes a built version's Deployment in the cluster, without giving it traffic."""

import json
from typing import Annotated

import typer

from scripts import cli
from scripts.kubernetes import options
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.registering import register
from scripts.kubernetes.wanted import held


def main(
    version: Annotated[str, typer.Option(help="A version whose archive lies in the model store, and where pods look.")],
    overlay: options.Overlay,
    context: options.Context = "",
    as_json: options.Json = False,
) -> None:
    """Check the archive's digest, render and apply the version's manifests, wait for its pods, open its own path."""
    with held() as wanted:
        cluster = Cluster.of(wanted.places.manifests, overlay, context)
        new = register(cluster, wanted, version)
        path = f"/predictions/{wanted.spec.name}/{version}"
        if as_json:
            print(json.dumps({"overlay": overlay, "version": version, "new": new, "path": path}))
        elif new:
            print(f"{version} is ready in {cluster.where()}: POST {path}; it has no weight yet")
            print("traffic.yaml and the manifests have it; commit them")
        else:
            print(f"{version} was registered already in {cluster.where()}: POST {path}")


if __name__ == "__main__":
    cli.run(main)
