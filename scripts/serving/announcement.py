"""What a server says when it is ready."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from handler.metadata import Metadata
from scripts.serving import examples, tls
from scripts.serving.installation import Installation
from scripts.serving.tls import Tls


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
        "try": curl(wanted, predictions),
    }


def curl(wanted: Installation, url: str) -> str:
    """Return a line that can be pasted as it is, where there is an image to show."""
    try:
        image = examples.first(wanted)
        with Image.open(image) as opened:
            kind = opened.get_format_mimetype() or "application/octet-stream"
    except Exception:  # The servers are up and wait for this line: nothing in the data beside them may stop them.
        image, kind = Path("image.jpg"), "image/jpeg"
    path = image.relative_to(Path.cwd()) if image.is_relative_to(Path.cwd()) else image
    # curl would call the body a form (application/x-www-form-urlencoded) if no type were named.
    words = f"-H 'content-type: {kind}' --data-binary @{shlex.quote(str(path))}"
    if wanted.keys:
        words = f'-H "x-api-key: $API_KEY" {words}'
    if wanted.traffic.edge.tls:
        trust, url = _over_tls(wanted.traffic.edge.tls, url)
        words = f"{trust} {words}"
    return f"curl {words} {url}"


def _over_tls(settings: Tls, url: str) -> tuple[str, str]:
    """Return how curl knows the edge, and the URL by the name that its certificate is for."""
    trust, parts, name = f"--cacert {shlex.quote(str(settings.certificate_path))}", urlsplit(url), tls.name(settings)
    if name is None:
        return "--insecure", url
    return f"{trust} --connect-to ::{parts.netloc}", f"https://{name}:{parts.port}{parts.path}"


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
