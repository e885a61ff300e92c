"""What lies in an archive is what its `model.json` lists: nothing else, nothing twice, nothing blown up."""

import hashlib
import stat
import zipfile
from collections import Counter

from handler.errors import ArchiveError
from handler.metadata import FILE_NAME, Metadata

MANIFEST = "MAR-INF/MANIFEST.json"
# Times its packed size that a file may unpack to. Weights hardly pack at all, code and labels about five-fold; deflate
# alone can reach 1,032, of which a disk is full before a digest is known.
MAX_INFLATION = 100


def read_metadata(packed: zipfile.ZipFile) -> Metadata:
    """Return what an archive says of itself.

    Raises:
        ArchiveError: there is no such record in it, or no reader would accept it.
    """
    try:
        _require_size(packed.getinfo(FILE_NAME))
        return Metadata.decode(packed.read(FILE_NAME).decode())
    except KeyError as error:
        raise ArchiveError(f"it has no {FILE_NAME}") from error


def require_listed(packed: zipfile.ZipFile, metadata: Metadata) -> None:
    """Return when the archive's members are the files that `metadata` lists, each once and with its digest.

    So a name that leads out of the folder it is unpacked to (`../`, an absolute path), a link, and a configuration that
    TorchServe would read though no build wrote it (`model-config.yaml`) have no way in.

    Raises:
        ArchiveError: there is another, one is missing, or one has other content; it is named.
        zipfile.BadZipFile: it can't be unpacked.
    """
    found = Counter(entry.filename for entry in packed.infolist())
    listed = {*metadata.files, FILE_NAME, MANIFEST}
    for name in sorted(found):
        if name not in listed or found[name] > 1:
            raise ArchiveError(f"{name} is in it twice" if name in listed else f"{FILE_NAME} does not list {name}")
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise ArchiveError(f"{name} leads out of the folder it is unpacked to")
    for name in sorted(listed):
        if name not in found:
            raise ArchiveError(f"{name} is missing")
        entry = packed.getinfo(name)
        _require_size(entry)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ArchiveError(f"{name} is a link")
        if name in metadata.files and _sha256(packed, entry) != metadata.files[name]:
            raise ArchiveError(f"{name} is not what {FILE_NAME} says (SHA-256 differs)")


def _sha256(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    digest = hashlib.sha256()
    with packed.open(entry) as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _require_size(entry: zipfile.ZipInfo) -> None:
    if entry.file_size > MAX_INFLATION * max(entry.compress_size, 1):
        raise ArchiveError(
            f"{entry.filename} would unpack from {entry.compress_size:,} bytes to {entry.file_size:,}, more than "
            f"{MAX_INFLATION} times as many"
        )
