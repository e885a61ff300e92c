"""What a checkpoint learned from, kept in its own header, so that it holds whatever becomes of the spec beside it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.files import sha256
from scripts.pipeline import narrowing
from scripts.pipeline.network import read_header
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled

_UNKNOWN = "whether it learned from test images is not known"


def header(spec: Spec, also: Sequence[Mapping[str, Any]] = ()) -> dict[str, str]:
    """What `save_checkpoint` shall keep of a training by `spec`.

    Args:
        spec: of the model.
        also: what it learns from besides the train part, a record for each folder.
    """
    start = Path(spec.recipe.start)
    learned: dict[str, Any] = {
        "data": spec.data.source,
        "split_sha256": sha256(spec.split_path),
        "recipe": spec.recipe.model_dump(mode="json"),
        "began_from": _split_of(start) if start.suffix else None,
    }
    if also:
        learned["also"] = list(also)
    is_pruned = spec.recipe.keep < 1 or (bool(start.suffix) and narrowing.MARK in read_header(start))
    return {
        "license": spec.license,
        "labels": json.dumps(spec.labels, ensure_ascii=False),
        "learned": json.dumps(learned, ensure_ascii=False),
        **({narrowing.MARK: "true"} if is_pruned else {}),
    }


def learned(spec: Spec, checkpoint: Path) -> dict[str, Any]:
    """What an archive keeps of a checkpoint's training: `data`, `split_sha256`, `recipe`; a `note` where less is known.

    Of one that learned from further folders also `also`: for each `folder`, `images` by label and `sha256`, a digest
    over theirs.

    Raises:
        UserError: it has other labels than the spec, or learned by another split, so that test images may be among
            those that it learned from.
    """
    found = read_header(checkpoint)
    if isinstance(spec.data, Unlabelled):
        return {}
    if "labels" in found and json.loads(found["labels"]) != list(spec.labels):
        raise UserError(f"{checkpoint}: its labels are {found['labels']}, not those of {spec.folder / 'spec.yaml'}")
    if "learned" not in found:
        return {"note": f"trained elsewhere: {_UNKNOWN}"}
    facts: dict[str, Any] = json.loads(found["learned"])
    if facts["split_sha256"] != sha256(spec.split_path):
        raise UserError(
            f"{checkpoint}: learned by another {spec.split_path.name} than there is now, so test images may be among "
            f"those it learned from; train it again (`make train MODEL={spec.folder.name} RESTART=1`)"
        )
    begun_by = facts.pop("began_from", None)
    if begun_by not in (None, facts["split_sha256"]):
        facts["note"] = (
            f"began from {facts['recipe']['start']}, which learned by another split: if test images are among those, "
            "these figures are too good"
        )
    return facts


def _split_of(checkpoint: Path) -> str:
    """The SHA-256 of the split that a checkpoint learned by; empty where it does not say."""
    found = read_header(checkpoint)
    return str(json.loads(found["learned"])["split_sha256"]) if "learned" in found else ""
