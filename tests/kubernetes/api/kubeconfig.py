"""What makes kubectl speak to this server and to nothing else."""

import os
from pathlib import Path

import yaml

_NAME = "stub"


def write_kubeconfig(folder: Path, url: str) -> Path:
    """The kubeconfig in `folder` for a server at `url`, without credentials; its context is called stub."""
    kubeconfig = folder / "kubeconfig.yaml"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": {"server": url}}],
        "users": [{"name": _NAME, "user": {}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME}}],
        "current-context": _NAME,
    }
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


def environment(kubeconfig: Path) -> dict[str, str]:
    """The environment for kubectl, with its caches beside `kubeconfig`: those of another server would mislead it."""
    places = {"KUBECONFIG": kubeconfig, "KUBECACHEDIR": kubeconfig.parent / "cache", "HOME": kubeconfig.parent}
    return {"PATH": os.environ["PATH"]} | {name: str(path) for name, path in places.items()}
