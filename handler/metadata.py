"""`model.json`: what an archive says of itself, and the proof that it is still so."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from handler.errors import ArchiveError, DigestError
from handler.strict import StrictModel, load

FILE_NAME = "model.json"

# What Python would import from the archive's folder, which comes first on its path.
_CODE = ("*.py", "*.so")

Arithmetic = Literal["int8", "fp32"]


class Preprocessing(StrictModel):
    """From a decoded image to the graph's input; the mean and standard deviation are already inside the graph.

    Attributes:
        resize: pixels that the shorter side is scaled to.
        crop: side in pixels of the centre square that is then cut out, at most `resize`.
        interpolation: always antialiased.
        mean: per channel RGB, on a scale of 0 to 1.
        std: per channel RGB, on a scale of 0 to 1.
    """

    resize: int = Field(ge=1)
    crop: int = Field(ge=1)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @model_validator(mode="after")
    def _crop_fits(self) -> "Preprocessing":
        if self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must not be larger than resize ({self.resize})")
        return self


class Metadata(StrictModel):
    """An archive's `model.json`.

    Attributes:
        name: the served name.
        version: opaque to TorchServe; "1" is not "1.0".
        architecture: torchvision's name of the network.
        precision: of the weights.
        labels: by class index.
        preprocessing: from a decoded image to the graph's input.
        graphs: ONNX file for each arithmetic this archive can compute in.
        license: of the weights.
        files: SHA-256 in hex of every other file that was put into the archive.
        training: where the weights come from.
        gate: `passed`, the figures and thresholds that let this archive pass, and `unmeasured`: arithmetics that the
            machine of the gate could not judge, each with the reason.
        digest: SHA-256 in hex of this record without its digest.
    """

    name: str
    version: str
    architecture: str
    precision: Literal["float32", "int8"]
    labels: tuple[str, ...] = Field(min_length=2)
    preprocessing: Preprocessing
    graphs: dict[Arithmetic, str] = Field(min_length=1)
    license: str
    files: dict[str, str]
    training: dict[str, Any]
    gate: dict[str, Any]
    digest: str = ""

    def require_passed(self) -> None:
        """Raise ArchiveError where the record holds no evidence that the version passed its gate."""
        if self.gate.get("passed") is not True:
            raise ArchiveError(f"{self.name} {self.version} passed no gate, as far as its {FILE_NAME} says.")

    def _require_listed(self, folder: Path) -> None:
        """Raise ArchiveError where `folder` holds code that was not put into the archive, or a graph has no digest."""
        code = {path.relative_to(folder).as_posix() for kind in _CODE for path in folder.rglob(kind)}
        for name in sorted((code | set(self.graphs.values())) - self.files.keys()):
            raise ArchiveError(f"{name} is not among the files of {FILE_NAME}; build the archive again.")

    def encode(self) -> str:
        """Return the one text form of this record, with its digest."""
        content = self.model_dump(mode="json", exclude={"digest"})
        digest = hashlib.sha256(_text(content).encode()).hexdigest()
        return _text({**content, "digest": digest})

    @classmethod
    def decode(cls, text: str) -> "Metadata":
        """Return the record in `text`.

        Raises:
            DigestError: changed since it was written.
            ArchiveError: not JSON, not this record, or of a version that passed no gate.
        """
        try:
            metadata = load(cls, json.loads(text), FILE_NAME)
        except ValueError as error:
            raise ArchiveError(f"{FILE_NAME} can't be read: {error}; build the archive again.") from error
        if metadata.encode() != text:
            raise DigestError(f"{FILE_NAME} was changed after the archive was built; build it again.")
        metadata.require_passed()
        return metadata

    @classmethod
    def load_verified(cls, folder: Path) -> "Metadata":
        """Return the record in `folder` after holding every file that it lists against its digest.

        Raises:
            DigestError: a file was changed, named.
            ArchiveError: a file is missing or was added, named, or `decode` raises it.
        """
        try:
            metadata = cls.decode((folder / FILE_NAME).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ArchiveError(f"{FILE_NAME} can't be read: {error}; build the archive again.") from error
        metadata._require_listed(folder)
        for name, digest in metadata.files.items():
            path = folder / name
            if not path.is_file():
                raise ArchiveError(f"{name} is missing from the archive; build it again.")
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                raise DigestError(f"{name} was changed after the archive was built (SHA-256 differs); build it again.")
        return metadata


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
