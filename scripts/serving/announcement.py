"""What a server says when it is ready."""

from collections.abc import Mapping
from typing import Any

from handler.metadata import Metadata
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
        "try": f"curl -H 'content-type: image/jpeg' --data-binary @cell.jpg {predictions}",
    }


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
            "try it with an image:",
            f"  {facts['try']}",
        ]
    )
