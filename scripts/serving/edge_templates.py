"""The edge's files as texts: Envoy's configuration for what traffic.yaml says."""

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from scripts.serving.places import REPOSITORY
from scripts.serving.traffic import Traffic

TEMPLATES = REPOSITORY / "deploy" / "edge"


class Templates:
    """The templates, and what is the same in a file however the traffic changes."""

    def __init__(self, source: Path, compiled: Path, same: Mapping[str, Any]) -> None:
        """Read nothing yet.

        Args:
            source: the folder of the templates; what it lacks is taken from deploy/edge.
            compiled: a folder that keeps them compiled, from one command to the next.
            same: what they name beside the traffic.
        """
        self._compiled = compiled
        self._same = same
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader([source, TEMPLATES]),
            # Compiling them takes longer than all that TorchServe and Envoy are asked for a change.
            bytecode_cache=jinja2.FileSystemBytecodeCache(str(compiled)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # YAML; values go through `tojson`
        )
        self._templates.globals["source"] = self._source
        self._templates.globals["is_linux"] = sys.platform == "linux"

    def render(self, name: str, traffic: Traffic, versions: Iterable[str]) -> str:
        """Return the text of the file `name` for this traffic; `versions` can be reached."""
        self._compiled.mkdir(parents=True, exist_ok=True)
        text = self._templates.get_template(f"{name}.yaml.j2").render(
            **self._same,
            versions=list(versions),
            split=traffic.split,
            sticky_header=traffic.sticky_header,
            sticky_cookie=traffic.sticky_cookie,
            shadow=traffic.shadow,
            per_key=traffic.per_key,
            edge=traffic.edge,
            replicas=traffic.replicas,
        )
        # The version is the content's, so equal files are one version to Envoy.
        return text.replace("@VERSION@", hashlib.sha256(text.encode()).hexdigest()[:12])

    def _source(self, name: str) -> str:
        assert self._templates.loader is not None
        return self._templates.loader.get_source(self._templates, name)[0]
