"""What a server says when it is ready."""

import contextlib
import itertools
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from handler.decode import EncodedImage
from handler.errors import RequestError
from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.data import elpv
from scripts.pipeline.data.photos import photos
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Folder, Table, Unlabelled
from scripts.serving.installation import Installation

_LOOKED_AT = 16
"""Images, until one is found that is answered; among more than so many bad ones there is none."""


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
        image = _example(wanted)
        with Image.open(image) as opened:
            kind = opened.get_format_mimetype() or "application/octet-stream"
    except Exception:  # The servers are up and wait for this line: nothing in the data beside them may stop them.
        image, kind = Path("image.jpg"), "image/jpeg"
    path = image.relative_to(Path.cwd()) if image.is_relative_to(Path.cwd()) else image
    # curl would call the body a form (application/x-www-form-urlencoded) if no type were named.
    return f"curl -H 'content-type: {kind}' --data-binary @{shlex.quote(str(path))} {url}"


def _example(wanted: Installation) -> Path:
    """Return an image of the model's own data; a cell where that is not at hand, or would have to be fetched."""
    max_bytes, max_megapixels = wanted.traffic.edge.max_body_bytes, wanted.config.handler.max_megapixels
    # The model is served without its data too. And its images may have changed since they were inspected, or be larger
    # than this server takes, which answers with an error then.
    with contextlib.suppress(UserError, OSError):
        for path in itertools.islice(_own_images(wanted.spec, wanted.places.run), _LOOKED_AT):
            with contextlib.suppress(RequestError):
                EncodedImage.open(path.read_bytes(), max_megapixels).decode()
                if path.stat().st_size <= max_bytes:
                    return path
    return elpv.cells()[0].path


def _own_images(spec: Spec, run: Path) -> Iterator[Path]:
    """Give files of the model's data; where they have no path of their own, `run` keeps a copy of the last one."""
    if isinstance(spec.data, Unlabelled):
        yield from photos(spec)
    elif isinstance(spec.data, Folder | Table):
        # Here, because it imports torch, which takes seconds.
        from scripts.pipeline.data.sources import samples  # noqa: PLC0415

        # Only what was decoded when the split was made has a part in it.
        for sample in samples(spec, "test"):
            with contextlib.suppress(OSError):  # A file that a table names may be gone.
                replace_file(run / "example", sample.read())
                yield run / "example"


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
