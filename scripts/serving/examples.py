"""Real images to ask a server with: of the model's own data, or cells where that is not at hand."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from handler.decode import EncodedImage
from handler.errors import RequestError
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.data import elpv
from scripts.pipeline.data.photos import photos
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Folder, Table, Unlabelled
from scripts.serving.installation import Installation

_LOOKED_AT = 16
"""Images, until enough are found that are answered; among more than so many bad ones there is none."""


def first(wanted: Installation) -> Path:
    """Return an image of the model's own data; a cell where that is not at hand, or would have to be fetched.

    Raises:
        UserError: there are no cells either.
    """
    return next(_own(wanted), None) or elpv.cells()[0].path


def contents(wanted: Installation, count: int) -> list[bytes]:
    """Return up to `count` encoded images, as `first` chooses them; none where there are no cells either."""
    own = [path.read_bytes() for path in itertools.islice(_own(wanted), count)]
    if own:
        return own
    with contextlib.suppress(UserError, OSError):  # The image of the container has no data set.
        return [cell.path.read_bytes() for cell in elpv.cells()[:count]]
    return []


def _own(wanted: Installation) -> Iterator[Path]:
    """Give images of the model's data that this server takes; one's content is there until the next is asked for."""
    max_bytes, max_megapixels = wanted.traffic.edge.max_body_bytes, wanted.config.handler.max_megapixels
    # The model is served without its data too. And its images may have changed since they were inspected, or be larger
    # than this server takes, which answers with an error then.
    with contextlib.suppress(UserError, OSError):
        for path in itertools.islice(_files(wanted.spec, wanted.places.run), _LOOKED_AT):
            with contextlib.suppress(RequestError):
                EncodedImage.open(path.read_bytes(), max_megapixels).decode()
                if path.stat().st_size <= max_bytes:
                    yield path


def _files(spec: Spec, run: Path) -> Iterator[Path]:
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
