"""What a server says when it is ready."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.metadata import Metadata
from scripts.pipeline import elpv
from scripts.serving.installation import Installation


def facts(wanted: Installation, archives: Mapping[str, Metadata]) -> dict[str, Any]:
    """Return where the server is, what it serves, and under which licence."""
    predictions = f"{wanted.url}/predictions/{wanted.traffic.model}"
    return {
        "url": wanted.url,
        "model": wanted.traffic.model,
        "versions": {
            version: {
                "weight": wanted.traffic.split.get(version, 0),
                "precision": metadata.precision,
                "license": metadata.license,
            }
            for version, metadata in archives.items()
        },
        # curl would call the body a form (application/x-www-form-urlencoded) if no type were named.
        "try": f"curl -H 'content-type: image/png' --data-binary @{shlex.quote(str(_sample()))} {predictions}",
    }


def _sample() -> Path:
    """Return an image that is there after `make setup`, so that the line can be pasted as it is."""
    path = elpv.cells()[0].path
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def text(facts: Mapping[str, Any]) -> str:
    """Return the same for a person."""
    versions = [
        f"  {facts['model']} {version}: {about['weight']} %, {about['precision']}"
        for version, about in facts["versions"].items()
    ]
    licences = sorted({about["license"] for about in facts["versions"].values()})
    return "\n".join(
        [
            f"serving at {facts['url']}",
            *versions,
            f"licence of the weights: {'; '.join(licences)}",
            "try it with an image, this one or your own:",
            f"  {facts['try']}",
        ]
    )
