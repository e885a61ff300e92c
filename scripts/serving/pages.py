"""What the edge answers by itself: the files of web/, each at a path of its own."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from scripts.files import replace_file
from scripts.serving.places import REPOSITORY

WEB = REPOSITORY / "web"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# Of a photograph hardly anything is left out.
_WORTH_IT = 0.9


@dataclass(frozen=True)
class Page:
    """One file.

    Attributes:
        path: where callers find it.
        file: where it lies.
        content_type: as a browser is told.
        digest: of its content, by which a browser knows that its copy is still good.
        size: in bytes.
    """

    path: str
    file: str
    content_type: str
    digest: str
    size: int


def pages(folder: Path = WEB) -> list[Page]:
    """Return the files of a folder that have a known type; an index.html is at its folder's own path."""
    return [_page(folder, file) for file in sorted(folder.rglob("*")) if file.suffix in _TYPES and file.is_file()]


def packed(page: Page, folder: Path) -> str | None:
    """Return the file in `folder` with a page in gzip's form, made where it is missing; None if it is hardly smaller.

    Once, here: the edge would do it on everybody's thread, for each who asks, and nobody needs a key for that.
    """
    file = folder / f"{page.digest}.gz"
    if not file.is_file():
        replace_file(file, gzip.compress(Path(page.file).read_bytes(), mtime=0))
    return str(file) if file.stat().st_size < _WORTH_IT * page.size else None


def _page(folder: Path, file: Path) -> Page:
    place = file.parent if file.name == "index.html" else file
    content = file.read_bytes()
    return Page(
        path=f"/{place.relative_to(folder).as_posix()}".removesuffix("."),
        file=str(file),
        content_type=_TYPES[file.suffix],
        digest=hashlib.sha256(content).hexdigest()[:16],
        size=len(content),
    )
