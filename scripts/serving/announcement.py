"""What a server says when it is ready."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.data import elpv
from scripts.pipeline.data.photos import photos
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Folder, Table, Unlabelled
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
        "try": _curl(_example(wanted.spec, wanted.places.run), predictions),
    }


def _curl(image: Path, url: str) -> str:
    """Return a line that can be pasted as it is."""
    path = image.relative_to(Path.cwd()) if image.is_relative_to(Path.cwd()) else image
    with Image.open(image) as opened:
        kind = opened.get_format_mimetype()
    # curl would call the body a form (application/x-www-form-urlencoded) if no type were named.
    return f"curl -H 'content-type: {kind}' --data-binary @{shlex.quote(str(path))} {url}"


def _example(spec: Spec, run: Path) -> Path:
    """Return an image of the model's own data; a cell where that is not at hand, or would have to be fetched."""
    try:
        if isinstance(spec.data, Unlabelled):
            return photos(spec)[0]
        if isinstance(spec.data, Folder | Table):
            # Here, because it imports torch, which takes seconds.
            from scripts.pipeline.data.sources import every_sample  # noqa: PLC0415

            replace_file(run / "example", every_sample(spec)[0].read())
            with Image.open(run / "example"):
                return run / "example"
    except (UserError, OSError, IndexError):
        pass  # The model is served without its data too.
    return elpv.cells()[0].path


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
