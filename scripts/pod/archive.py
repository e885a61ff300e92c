"""Brings a version's archive into the pod's model store, if its digest is the one that the manifest names."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import requests
import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving.places import Places

_TIMEOUT_S = 30.0
"""To connect, and between two pieces; a large archive may take longer as a whole."""
_PIECE = 1 << 20


def main(
    name: Annotated[str, typer.Option(help="Of the archive: mobilenet_v3-2.0.mar.")],
    sha256: Annotated[str, typer.Option(help="Of its bytes, in hex.")],
    source: Annotated[str, typer.Option(help="Where it lies: a folder, or an http(s) URL without its name.")],
) -> None:
    """Put the archive and its digest into MODEL_STORE; exit 1, with nothing there, if it is another."""
    target = Places.from_environment(os.environ).model_store / name
    place(source, target, sha256)
    print(f"{target}: SHA-256 {sha256}, as the manifest says")


def place(source: str, target: Path, sha256: str) -> None:
    """Copy `source`/`target.name` to `target`, and write its digest beside it.

    Raises:
        UserError: the source can't be read or the target not be written, or the digest is another than `sha256`;
            `target` is as it was then.
    """
    where = f"{source.rstrip('/')}/{target.name}"
    partial = target.with_name(f".{target.name}")
    try:
        digest = hashlib.sha256()
        with partial.open("wb") as written:
            for piece in _pieces(where):
                digest.update(piece)
                written.write(piece)
        if digest.hexdigest() != sha256:
            raise UserError(
                f"{where}: its SHA-256 is {digest.hexdigest()}, but the manifest was made for {sha256}; put the right "
                "archive there, or run `make kubernetes` with this one in the model store, and apply what it renders."
            )
        # The digest first: an archive without it is refused, a digest without an archive is nothing.
        target.with_name(f"{target.name}.sha256").write_text(f"{sha256}  {target.name}\n")
        partial.replace(target)
    except OSError as error:
        raise UserError(f"{target}: can't be written ({error.strerror}).") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _pieces(where: str) -> Iterator[bytes]:
    """Give the content of a URL or a file, piece by piece.

    Raises:
        UserError: it can't be read, or not to its end.
    """
    try:
        if urlsplit(where).scheme in ("http", "https"):
            with requests.get(where, stream=True, timeout=_TIMEOUT_S) as response:
                response.raise_for_status()
                yield from response.iter_content(_PIECE)
        else:
            with Path(where).open("rb") as file:
                yield from iter(lambda: file.read(_PIECE), b"")
    except OSError as error:  # requests' own errors are, too
        raise UserError(f"{where}: can't be read ({error}).") from error


if __name__ == "__main__":
    cli.run(main)
