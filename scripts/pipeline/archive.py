"""One version → one `.mar`, built by torch-model-archiver; the same inputs give the same bytes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from importlib.metadata import version as installed
from pathlib import Path

from handler.metadata import FILE_NAME, Metadata
from scripts.errors import UserError
from scripts.files import replace_file, sha256
from scripts.pipeline import members
from scripts.pipeline.members import MANIFEST
from scripts.pipeline.spec import DEFAULT_MODEL

HANDLER = Path(__file__).parents[2] / "handler"
ENTRY = "torchserve_entry.py"
# What the handler imports, and PyYAML, which TorchServe's workers import though its package does not ask for it.
REQUIREMENTS = ("multipart", "numpy", "onnxruntime", "pillow", "pydantic", "pyyaml", "simplejpeg", "torch")
# The earliest time a zip can hold; the archiver writes the time of day, which would change every build's digest.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_CREATED_ON = "01/01/1980 00:00:00"
_REGULAR_FILE = 0o100644 << 16


def archive_path(model_store: Path, name: str, version: str) -> Path:
    """Return where the archive of a version lies."""
    return model_store / f"{name}-{version}.mar"


def require_writable(model_store: Path) -> None:
    """Return when an archive can be put there: a gate takes minutes, and would be for nothing.

    Raises:
        UserError: it can't.
    """
    existing = next(folder for folder in (model_store, *model_store.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UserError(f"{existing}: can't be written; set MODEL_STORE to a folder that can.")


def build(metadata: Metadata, graphs: Path, model_store: Path) -> Path:
    """Return the archive of `metadata`, which replaces one of the same version in one step.

    Args:
        metadata: complete but for `files`, which are listed here.
        graphs: the folder with the ONNX files that `metadata.graphs` names.
        model_store: where to put the archive and, beside it, its SHA-256.

    Raises:
        ArchiveError: `metadata` has no gate evidence: there is no other way to an archive.
        UserError: torch-model-archiver failed, with its own words.
    """
    metadata.require_passed()
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "stage"
        _stage(stage, metadata, graphs)
        packed = _pack(stage, metadata, Path(folder))
        content = _reproducible(packed)
    path = archive_path(model_store, metadata.name, metadata.version)
    replace_file(_digest_path(path), f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode())
    replace_file(path, content)
    return path


def verify(path: Path, model: str = DEFAULT_MODEL) -> Metadata:
    """Return what an archive says of itself, after holding it against the digest beside it.

    Args:
        path: of the archive.
        model: the folder of models/ that it is built from, for the command in an error.

    Raises:
        UserError: it is missing, a byte was changed, it holds something that its build did not list, or it is another
            version than its name says; with the command that builds it.
    """
    named = "" if model == DEFAULT_MODEL else f" MODEL={model}"
    mend = f"build it with `make archive{named} VERSION=… PRECISION=float32|int8`"
    if not path.is_file():
        raise UserError(f"{path}: no such archive; {mend}.")
    if not _digest_path(path).is_file():
        raise UserError(f"{_digest_path(path)}: no such file, so {path.name} can't be checked; {mend}.")
    if digest(path) != sha256(path):
        raise UserError(f"{path}: changed since it was built (its SHA-256 is not that in {path.name}.sha256); {mend}.")
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = members.read_metadata(archive)
            members.require_listed(archive, metadata)
    # Of whoever wrote it: encrypted (RuntimeError, as ArchiveError is), packed in another way, or not packed at all.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UserError(f"{path}: not an archive of this project ({error}); {mend}.") from error
    if archive_path(path.parent, metadata.name, metadata.version) != path:
        raise UserError(f"{path}: this is {metadata.name} {metadata.version} under another name; {mend}.")
    return metadata


def digest(path: Path) -> str:
    """Return the SHA-256 in hex that is written beside an archive; empty where nothing is."""
    return next(iter(_digest_path(path).read_text(encoding="utf-8").split(maxsplit=1)), "")


def _digest_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _stage(stage: Path, metadata: Metadata, graphs: Path) -> None:
    """Lay out the archive's files in `stage`, `model.json` with all of their digests."""
    (stage / "handler").mkdir(parents=True)
    # Only the modules: editors and file managers leave other things beside them.
    for module in HANDLER.glob("*.py"):
        shutil.copy(module, stage / "handler" if module.name != ENTRY else stage)
    for graph in metadata.graphs.values():
        shutil.copy(graphs / graph, stage / graph)
    # Without the local part of a version ("+cpu"), which only some indexes carry.
    pins = [f"{package}=={installed(package).split('+')[0]}\n" for package in REQUIREMENTS]
    (stage / "requirements.txt").write_text("".join(pins), encoding="utf-8")
    digests = {path.relative_to(stage).as_posix(): sha256(path) for path in sorted(stage.rglob("*")) if path.is_file()}
    text = metadata.model_copy(update={"files": digests}).encode()
    (stage / FILE_NAME).write_text(text, encoding="utf-8")


def _pack(stage: Path, metadata: Metadata, folder: Path) -> Path:
    """Run torch-model-archiver over `stage`."""
    # The archiver flattens a package that is passed itself (copy_artifacts), so it gets a folder that holds it;
    # entry and requirements have options of their own.
    extra = folder / "extra"
    extra.mkdir()
    for item in stage.iterdir():
        if item.name not in (ENTRY, "requirements.txt"):
            item.rename(extra / item.name)
    command: list[str | Path] = [
        Path(sys.executable).with_name("torch-model-archiver"),
        *("--model-name", metadata.name, "--version", metadata.version),
        *("--handler", stage / ENTRY, "--requirements-file", stage / "requirements.txt"),
        *("--extra-files", extra, "--export-path", folder),
    ]
    # It stages in $TMPDIR/<model name> and deletes what is there: another build must not share that folder.
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    packed = folder / f"{metadata.name}.mar"
    if done.returncode != 0 or not packed.is_file():
        raise UserError(f"torch-model-archiver failed: {(done.stderr or done.stdout).strip()}")
    return packed


def _reproducible(packed: Path) -> bytes:
    """Return the archive with sorted entries, fixed times and fixed attributes."""
    rewritten = packed.with_suffix(".rewritten")
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(rewritten, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(name for name in source.namelist() if not name.endswith("/")):
            content = source.read(name)
            if name == MANIFEST:
                manifest = {**json.loads(content), "createdOn": _CREATED_ON}
                content = json.dumps(manifest, indent=2, sort_keys=True).encode()
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _REGULAR_FILE
            target.writestr(entry, content)
    return rewritten.read_bytes()
