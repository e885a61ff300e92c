"""Brings a version's archive into the pod's model store, if its digest is the one that the manifest names."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, cast
from urllib.parse import urlsplit

import requests
import typer
import urllib3

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
        UserError: it can't be read, or has another digest than `sha256`; `target` is not there then.
    """
    where = f"{source.rstrip('/')}/{target.name}"
    partial = target.with_name(f".{target.name}")
    try:
        with _opened(where) as read, partial.open("wb") as written:
            shutil.copyfileobj(read, written, _PIECE)
        with partial.open("rb") as written:
            found = hashlib.file_digest(written, "sha256").hexdigest()
        if found != sha256:
            raise UserError(
                f"{where}: its SHA-256 is {found}, but the manifest was made for {sha256}; put the right archive "
                "there, or run `make kubernetes` with this one in the model store, and apply what it renders."
            )
        # The digest first: an archive without it is refused, a digest without an archive is nothing.
        target.with_name(f"{target.name}.sha256").write_text(f"{sha256}  {target.name}\n")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _opened(where: str) -> Iterator[BinaryIO]:
    try:
        if urlsplit(where).scheme in ("http", "https"):
            with requests.get(where, stream=True, timeout=_TIMEOUT_S) as response:
                response.raise_for_status()
                response.raw.decode_content = True
                yield cast(BinaryIO, response.raw)
        else:
            with Path(where).open("rb") as file:
                yield file
    # urllib3's: `raw` is read past requests, which would otherwise turn a transfer that is cut off into its own.
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise UserError(f"{where}: can't be read ({error}).") from error


if __name__ == "__main__":
    cli.run(main)
