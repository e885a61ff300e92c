"""Brings the overlay `local` up in a kind cluster on this machine: the image, Envoy Gateway, the manifests."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts import cli, setup
from scripts.errors import UserError
from scripts.kubernetes import names, render
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.kubectl import Kubectl
from scripts.kubernetes.rollout import wait_rolled_out
from scripts.kubernetes.wanted import held
from scripts.serving.places import REPOSITORY

CLUSTER = "mobilenet"
CONTEXT = f"kind-{CLUSTER}"
IMAGE = "mobilenet:local"
# https://gateway.envoyproxy.io/docs/install/install-helm/; the chart brings the Gateway API's own resources.
_GATEWAY = "oci://docker.io/envoyproxy/gateway-helm"
_GATEWAY_VERSION = "v1.9.3"
_GATEWAY_NAMESPACE = "envoy-gateway-system"
_WHERE = {
    "docker": "https://docs.docker.com/engine/install/",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/",
    "helm": "https://helm.sh/docs/intro/install/",
}


def main() -> None:
    """Make the cluster if there is none, and bring it to the files; safe to repeat."""
    missing = [f"{program} ({where})" for program, where in _WHERE.items() if shutil.which(program) is None]
    if missing:
        raise UserError(f"not on the PATH: {', '.join(missing)}; install what is missing.")
    with held() as wanted:
        render.bring(wanted)
        manifests = wanted.places.manifests
        if CLUSTER not in _said(["kind", "get", "clusters"]).split():
            _do(["kind", "create", "cluster", "--name", CLUSTER])
        for step in _steps(manifests / "overlays" / "local"):
            _do(step)
        cluster = Cluster.of(manifests, "local", CONTEXT)
        for version in cluster.pods():
            wait_rolled_out(cluster, version)
    print(_how_to_reach())


def _steps(overlay: Path) -> Iterator[list[str]]:
    index = os.environ.get("TORCH_INDEX") or setup.remembered_index()
    argument = ["--build-arg", f"TORCH_INDEX={index}"] if index else []
    yield ["docker", "build", *argument, "--tag", IMAGE, str(REPOSITORY)]
    yield ["kind", "load", "docker-image", IMAGE, "--name", CLUSTER]
    yield [
        *("helm", "upgrade", "--install", "eg", _GATEWAY, "--version", _GATEWAY_VERSION, "--kube-context", CONTEXT),
        *("--namespace", _GATEWAY_NAMESPACE, "--create-namespace", "--wait"),
    ]
    apply = ["apply", "--server-side", "--force-conflicts", "-k", str(overlay)]
    yield [Kubectl.find().program, f"--context={CONTEXT}", *apply]


def _do(words: list[str]) -> None:
    print(f"$ {shlex.join(words)}", flush=True)
    done = subprocess.run(words, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise UserError(f"{words[0]} ended with status {done.returncode}, see above; `make kind` goes on from there.")


def _said(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr, end="", file=sys.stderr)
        raise UserError(f"`{shlex.join(words)}` ended with status {done.returncode}, see above.")
    return done.stdout


def _how_to_reach() -> str:
    owner = f"gateway.envoyproxy.io/owning-gateway-name={names.CLASSIFIER}"
    find = f"kubectl --context {CONTEXT} -n {_GATEWAY_NAMESPACE} get service -l {owner} -o name"
    return "\n".join(
        [
            f"up in {CONTEXT}. A kind cluster has no load balancer; to reach the Gateway at http://127.0.0.1:8000:",
            f"  kubectl --context {CONTEXT} -n {_GATEWAY_NAMESPACE} port-forward $({find}) 8000:80",
            f"to take it away: kind delete cluster --name {CLUSTER}",
        ]
    )


if __name__ == "__main__":
    cli.run(main)
