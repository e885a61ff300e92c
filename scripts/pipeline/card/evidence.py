"""Everything a card says that was measured, collected once into `evidence.json`, which is committed with the card.

model               the served name
checkpoint_bytes    null where the weights are torchvision's
checkpoint_sha256   of the weights, also of torchvision's
split_sha256
recipe              by which the weights were trained, as the archives keep it; null where they keep none
note                what is not known of their training, as the archives keep it; null where there is nothing
also                folders that the weights learned from besides the train part, as the archives keep them: `folder`,
                    `images` by label, `sha256`
data                by part: `images`, `labels` (images of each), `groups` (of each kind; {} where there are none)
archives            `1.0` (float32) and `2.0` (int8): `bytes`, `sha256`, and `gate`, as `scripts.pipeline.gate` has it
errors              of 2.0, by its own code, from the original files: `arithmetic`, `instructions`, `wrong` (images);
                    `unsure` (test images of which the data itself gives no label for certain), `unsure_wrong`
teacher             null, or what `scripts.evaluate --json` says of the teacher's checkpoint, with its `folder`
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.files import sha256
from scripts.pipeline import archive, weights
from scripts.pipeline.data.sample import PARTS, Sample
from scripts.pipeline.data.sources import every_sample
from scripts.pipeline.data.split import read_split
from scripts.pipeline.served import Served
from scripts.pipeline.spec import Spec

FILE_NAME = "evidence.json"
PRECISIONS = {"1.0": "float32", "2.0": "int8"}
"""The versions that a card is about."""


def read_archive(spec: Spec, model_store: Path, version: str) -> tuple[Path, Metadata]:
    """Return the archive of one of `PRECISIONS`, and what it says of itself.

    Raises:
        UserError: it is missing, changed, or made of something else than what is committed; with the command.
    """
    path = archive.archive_path(model_store, spec.name, version)
    command = f"`make archive MODEL={spec.folder.name} VERSION={version} PRECISION={PRECISIONS[version]}`"
    if not path.is_file():
        raise UserError(f"{path}: no such archive; {command} builds it.")
    metadata = archive.verify(path, spec.folder.name)
    for file in [spec.split_path] if spec.weights else [spec.checkpoint_path, spec.split_path]:
        if not file.is_file():
            raise UserError(f"{file}: no such file; `make train MODEL={spec.folder.name}` makes it.")
    made_of = metadata.training
    built_of = made_of.get("checkpoint_sha256", made_of.get("weights_sha256"))
    for what, built, now in (
        (weights.origin(spec, None), built_of, weights.digest(spec, None)),
        (spec.split_path, made_of.get("split_sha256"), sha256(spec.split_path)),
    ):
        if built != now:
            raise UserError(f"{path}: it was not made of {what} as it is now; {command} builds it anew.")
    if metadata.precision != PRECISIONS[version]:
        raise UserError(
            f"{path}: holds {metadata.precision} weights, not {PRECISIONS[version]}; {command} builds it anew."
        )
    if outdated := _outdated(metadata, spec):
        raise UserError(
            f"{path}: built when {spec.folder / 'spec.yaml'} said something else ({', '.join(outdated)}); {command} "
            "builds it anew."
        )
    return path, metadata


def _outdated(metadata: Metadata, spec: Spec) -> list[str]:
    """Return what the card says by the spec, and an archive is not made by or was not judged by."""
    pairs = {
        "architecture": (metadata.architecture, spec.architecture),
        "labels": (metadata.labels, spec.labels),
        "license": (metadata.license, spec.license),
        "preprocessing": (metadata.preprocessing, spec.preprocessing),
        "gate": (metadata.gate.get("thresholds"), spec.gate and spec.gate.model_dump()),
    }
    return [f"`{key}`" for key, (built, said) in pairs.items() if built != said]


def collect(
    spec: Spec,
    archives: Mapping[str, tuple[Path, Metadata]],
    served: Served,
    images: Sequence[Sample],
    teacher: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the evidence.

    Args:
        spec: of the model.
        archives: by version.
        served: what 2.0 answers to `images` by its own code.
        images: the test part.
        teacher: what was measured of it, if there is one.

    Raises:
        UserError: the archive's own code is right more or less often than its evidence says.
    """
    path, metadata = archives["2.0"]
    wrong = [bool(called != image.label) for called, image in zip(served.answers.classes, images, strict=True)]
    measured = metadata.gate["measured"].get(f"{served.arithmetic} arithmetic")
    if measured is None or round((1 - measured["accuracy"]) * len(images)) != sum(wrong):
        raise UserError(
            f"{path}: calls {sum(wrong)} of {len(images)} test images wrongly here, which is not what its gate "
            f"measured; build it on this machine: `make archive MODEL={spec.folder.name} VERSION=2.0 PRECISION=int8`."
        )
    unsure = [max(image.target) < 1 for image in images]
    return {
        "model": spec.name,
        "checkpoint_bytes": None if spec.weights else spec.checkpoint_path.stat().st_size,
        "checkpoint_sha256": weights.digest(spec, None),
        "split_sha256": sha256(spec.split_path),
        "recipe": metadata.training.get("recipe"),
        "note": metadata.training.get("note"),
        "also": metadata.training.get("also", []),
        "data": count_data(spec),
        "archives": {
            version: {"bytes": path.stat().st_size, "sha256": sha256(path), "gate": metadata.gate}
            for version, (path, metadata) in archives.items()
        },
        "errors": {
            "arithmetic": served.arithmetic,
            "instructions": served.instructions,
            "wrong": sum(wrong),
            "unsure": sum(unsure),
            "unsure_wrong": sum(both for both in map(all, zip(unsure, wrong, strict=True))),
        },
        "teacher": teacher,
    }


def count_data(spec: Spec) -> dict[str, Any]:
    """Return how many images each part has, of each label and of each group."""
    parts = read_split(spec.split_path)
    every = every_sample(spec)
    counted: dict[str, Any] = {}
    for part in PARTS:
        chosen = [sample for sample in every if parts.get(sample.name) == part]
        labels = Counter(sample.label for sample in chosen)
        groups = Counter(sample.group for sample in chosen if sample.group)
        counted[part] = {
            "images": len(chosen),
            "labels": {label: labels[index] for index, label in enumerate(spec.labels)},
            "groups": dict(sorted(groups.items())),
        }
    return counted


def as_text(evidence: Mapping[str, Any]) -> str:
    """Return the one text of `evidence.json`."""
    return json.dumps(evidence, indent=1, ensure_ascii=False) + "\n"


def read(folder: Path) -> dict[str, Any]:
    """Return what was collected.

    Raises:
        UserError: nothing was.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise UserError(f"{path}: no such file; `make card MODEL={folder.name}` collects it from the archives.")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
