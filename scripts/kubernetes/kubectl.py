"""kubectl, for one overlay's namespace in one cluster."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import UserError

Manifest = Mapping[str, Any]
# Of one request; a cluster that is busy answers later, one that is gone never does.
_REQUEST_S = 30
_MANAGER = "mobilenet-v3"
# klog's lines, each of which says once more what the last line says.
_ITS_OWN_LOG = re.compile(r"[IWEF]\d{4} ")


@dataclass(frozen=True)
class Kubectl:
    """How to call it.

    Attributes:
        program: the executable.
        context: of the kubeconfig.
        namespace: of what it asks for.
    """

    program: str
    context: str = ""
    namespace: str = ""

    @classmethod
    def find(cls) -> "Kubectl":
        """Return the one on the PATH, or else the one that was installed with this project.

        Raises:
            UserError: there is none.
        """
        own = Path(sys.executable).with_name("kubectl")
        program = shutil.which("kubectl") or (str(own) if own.is_file() else None)
        if program is None:
            raise UserError("kubectl is not on the PATH; `make setup` installs one.")
        return cls(program)

    def attached(self, context: str, namespace: str) -> "Kubectl":
        """Return it for a context of the kubeconfig, the current one where `context` is empty.

        Raises:
            UserError: the kubeconfig has no current one.
        """
        try:
            context = context or self._call(["config", "current-context"]).strip()
        except UserError as error:
            raise UserError(f"{error}; set KUBECONFIG, or KUBE_CONTEXT to one that `kubectl config` knows.") from None
        return replace(self, context=context, namespace=namespace)

    def kustomize(self, folder: Path) -> list[Manifest]:
        """Return the objects of a kustomization.

        Raises:
            UserError: it does not build, with kubectl's words.
        """
        text = self._call(["kustomize", str(folder)])
        # By libyaml: the pure Python loader takes most of a second for an overlay.
        return list(yaml.load_all(text, yaml.CSafeLoader))

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object, None where there is none; raises as every other call: `UserError` with kubectl's words."""
        text = self._call([*self._cluster(), "get", kind, name, "--ignore-not-found", "--output=json"])
        return dict(json.loads(text)) if text.strip() else None

    def select(self, kind: str, selector: str) -> list[dict[str, Any]]:
        """Return the objects that have these labels."""
        text = self._call([*self._cluster(), "get", kind, f"--selector={selector}", "--output=json"])
        return list(json.loads(text)["items"])

    def patch(self, kind: str, name: str, operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return an object as a JSON patch (RFC 6902) has left it; all of the operations take effect or none does."""
        words = ["patch", kind, name, "--type=json", f"--patch={json.dumps(operations)}", "--output=json"]
        return dict(json.loads(self._call([*self._cluster(), *words])))

    def apply(self, manifests: Sequence[Manifest]) -> None:
        """Make or change objects; the fields that somebody else manages are a conflict, and an error."""
        words = ["apply", "--server-side", f"--field-manager={_MANAGER}", "--filename=-"]
        self._call([*self._cluster(), *words], yaml.safe_dump_all(manifests))

    def absent(self, manifests: Sequence[Manifest]) -> list[Manifest]:
        """Return those of the objects that are not there."""
        words = ["get", "--ignore-not-found", "--output=json", "--filename=-"]
        text = self._call([*self._cluster(), *words], yaml.safe_dump_all(manifests))
        found = json.loads(text) if text.strip() else {"items": []}
        there = {(one["kind"], one["metadata"]["name"]) for one in found.get("items", [found])}
        return [one for one in manifests if (one["kind"], one["metadata"]["name"]) not in there]

    def delete(self, manifests: Sequence[Manifest]) -> None:
        """Take objects out, without waiting for their pods to end; one that is gone is no error."""
        words = ["delete", "--ignore-not-found", "--wait=false", "--filename=-"]
        self._call([*self._cluster(), *words], yaml.safe_dump_all(manifests))

    def _cluster(self) -> list[str]:
        return [f"--request-timeout={_REQUEST_S}s", f"--context={self.context}", f"--namespace={self.namespace}"]

    def _call(self, words: Sequence[str], stdin: str = "") -> str:
        done = subprocess.run([self.program, *words], input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if not _ITS_OWN_LOG.match(line)]
            said = " ".join(line for line in lines if line)
            verb = next(word for word in words if not word.startswith("-"))
            raise UserError(f"kubectl {verb}: {said or f'ended with status {done.returncode}'}")
        return done.stdout
