"""An archive under another number, without its gate: what a release needs, in no time."""

import hashlib
import zipfile
from pathlib import Path

from handler.metadata import FILE_NAME, Metadata
from scripts.pipeline.archive import archive_path
from scripts.pipeline.members import MANIFEST
from tests.integration.server import MODEL


def add_version(store: Path, origin: str, version: str) -> None:
    """Put `origin` into the store once more, as `version`, with its digests."""
    source, target = (archive_path(store, MODEL, name) for name in (origin, version))
    with zipfile.ZipFile(source) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    described = Metadata.decode(contents[FILE_NAME].decode()).model_copy(update={"version": version})
    manifest = contents[MANIFEST].decode()
    contents[FILE_NAME] = described.encode().encode()
    contents[MANIFEST] = manifest.replace(f'"modelVersion": "{origin}"', f'"modelVersion": "{version}"').encode()
    with zipfile.ZipFile(target, "w") as new:
        for name, content in contents.items():
            new.writestr(name, content)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n")
