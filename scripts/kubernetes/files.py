"""The operator's files and the manifests, changed together for as long as the cluster agrees."""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.kubernetes import manifests, render
from scripts.serving import traffic
from scripts.serving.installation import Installation
from scripts.signals import uninterrupted


@contextmanager
def changed(wanted: Installation, text: str, digests: Mapping[str, str]) -> Iterator[Installation]:
    """Make `text` the content of traffic.yaml and bring the manifests to it; put both back if the block fails.

    Args:
        wanted: the operator's files as they are.
        text: of traffic.yaml.
        digests: of archives by version, where they are not those that are rendered already, for which no archive has
            to be on this machine.

    Raises:
        UserError: `text` has a mistake, the archive of a new version is missing, or a file can't be written.
    """
    path, folder = wanted.places.traffic, wanted.places.manifests
    before = path.read_text(encoding="utf-8")
    new = replace(wanted, traffic=traffic.parse(text, path))
    known = {**render.rendered_digests(folder), **digests}
    every = {version: known.get(version) or wanted.digest(version) for version in new.traffic.versions}
    changes = render.changes(folder, manifests.render(new, every))
    try:
        replace_file(path, text)
        render.write(folder, changes)
        yield new
    except BaseException as error:
        with uninterrupted():
            # An edit that somebody made meanwhile stays.
            if path.read_text(encoding="utf-8") == text:
                replace_file(path, before)
            with contextlib.suppress(OSError):  # What could not be written is not there to be taken back.
                render.write(folder, [change.back() for change in changes])
        if isinstance(error, OSError):
            raise UserError(
                f"{error.filename2 or error.filename or folder}: can't be written ({error.strerror})."
            ) from error
        raise
