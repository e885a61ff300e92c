"""What a server says when it is ready."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from handler.metadata import Metadata
from scripts.serving import examples
from scripts.serving.installation import Installation


def facts(wanted: Installation, archives: Mapping[str, Metadata]) -> dict[str, Any]:
    """Return where the server is, what it serves, and under which licence."""
    predictions = f"{wanted.url}/predictions/{wanted.spec.name}"
    return {
        "url": wanted.url,
        "model": wanted.spec.name,
        "versions": {
            version: {
                "weight": wanted.traffic.split.get(version, 0),
                "precision": metadata.precision,
                "license": metadata.license,
            }
            for version, metadata in archives.items()
        },
        "try": _try(wanted, predictions),
    }


def _try(wanted: Installation, url: str) -> str:
    """Return a line that can be pasted as it is, where there is an image to show."""
    try:
        image = examples.first(wanted)
        with Image.open(image) as opened:
            kind = opened.get_format_mimetype() or "application/octet-stream"
    except Exception:  # The servers are up and wait for this line: nothing in the data beside them may stop them.
        image, kind = Path("image.jpg"), "image/jpeg"
    path = image.relative_to(Path.cwd()) if image.is_relative_to(Path.cwd()) else image
    # curl would call the body a form (application/x-www-form-urlencoded) if no type were named.
    known = f"--cacert {shlex.quote(str(wanted.certificate))} " if wanted.certificate else ""
    key = '-H "x-api-key: $API_KEY" ' if wanted.keys else ""
    return f"curl {known}{key}-H 'content-type: {kind}' --data-binary @{shlex.quote(str(path))} {url}"


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
