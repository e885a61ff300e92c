"""A checkout's files and a cluster that they were applied to: what a test of the verbs begins with."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.kubernetes import render
from scripts.kubernetes.manifests import render as rendered
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY
from tests.kubernetes.api import Api, Manifest
from tests.kubernetes.built import KUBECTL, kustomize

NAMESPACE = "mobilenet-v3"
VERB_S = 60


@dataclass(frozen=True)
class Checkout:
    """Copies of the files that verbs change, in a folder of their own, and the cluster that they speak to."""

    folder: Path
    api: Api

    @classmethod
    def applied(cls, folder: Path, api: Api, model_store: Path, split: str = '"1.0": 90, "2.0": 10') -> "Checkout":
        """Return a checkout whose overlay `local` is in the cluster with this split, every pod ready."""
        shutil.copytree(REPOSITORY / "deploy" / "kubernetes", folder / "kubernetes")
        text = (REPOSITORY / "traffic.yaml").read_text()
        (folder / "traffic.yaml").write_text(re.sub(r"split:\n(  .*\n)+", f"split: {{{split}}}\n", text))
        (folder / "model_store").symlink_to(model_store.resolve())
        checkout = cls(folder, api)
        checkout.apply()
        api.requests.clear()
        return checkout

    def apply(self) -> None:
        """Render the manifests, with the digests of the archives that are here, and put them into the cluster."""
        wanted = Installation.read(self.environment)
        digests = {version: wanted.digest(version) for version in wanted.traffic.versions}
        manifests = wanted.places.manifests
        render.write(manifests, render.changes(manifests, rendered(wanted, digests)))
        for manifest in self.built():
            # As the API server has it: an autoscaler's default.
            if manifest["kind"] == "Deployment":
                manifest["spec"]["replicas"] = 1
            if manifest["kind"] not in ("Gateway", "GatewayClass", "NetworkPolicy"):
                self.api.put(manifest)

    @property
    def traffic(self) -> Path:
        """Its traffic.yaml."""
        return self.folder / "traffic.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """What its verbs need."""
        return {
            **os.environ,
            **self.api.environment,
            "PATH": f"{KUBECTL.parent}{os.pathsep}{os.environ['PATH']}",
            "TRAFFIC": str(self.traffic),
            "MANIFESTS": str(self.folder / "kubernetes"),
            "MODEL_STORE": str(self.folder / "model_store"),
            "RUN_DIR": str(self.folder / "run"),
            "OVERLAY": "local",
        }

    def verb(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Return what `python -m scripts.kubernetes.NAME` printed, and its exit status."""
        argv = [sys.executable, "-m", f"scripts.kubernetes.{name}", *words]
        return subprocess.run(
            argv, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=VERB_S, check=False
        )

    @contextmanager
    def spawn(self, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a verb for the length of a block, which has to see it end."""
        argv = [sys.executable, "-m", f"scripts.kubernetes.{name}", *words]
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(argv, cwd=REPOSITORY, env=self.environment, stdout=nothing, stderr=nothing)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def ask(self, name: str, *words: str) -> Any:
        """Return the JSON that a verb prints; it has to succeed."""
        done = self.verb(name, *words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def files(self) -> dict[str, str]:
        """Return the content of everything that a verb may change, by path."""
        changeable = [self.traffic, *(self.folder / "kubernetes").rglob("*")]
        return {str(path.relative_to(self.folder)): path.read_text() for path in changeable if path.is_file()}

    def built(self) -> list[Manifest]:
        """Return the objects of the overlay `local`, by the files as they are."""
        return kustomize(self.folder / "kubernetes" / "overlays" / "local")

    def route(self) -> Manifest:
        """Return the cluster's route."""
        return self.api.get("HTTPRoute", "classifier", NAMESPACE)

    def weights(self) -> dict[str, int]:
        """Return the weights in the cluster, by Service."""
        rule = next(rule for rule in self.route()["spec"]["rules"] if rule["name"] == "split")
        return {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}

    def pins(self) -> list[str]:
        """Return the names of the cluster's rules but for the last, the split."""
        *pins, last = [rule["name"] for rule in self.route()["spec"]["rules"]]
        assert last == "split"
        return pins
