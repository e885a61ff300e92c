"""What a checkpoint learned from, kept in its own header, so that it holds whatever becomes of the spec beside it."""

import json
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.files import sha256
from scripts.pipeline.network import read_header
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled


def header(spec: Spec) -> dict[str, str]:
    """What `save_checkpoint` shall keep of a training by `spec`."""
    learned = {
        "data": spec.data.source,
        "split_sha256": sha256(spec.split_path),
        "recipe": spec.recipe.model_dump(mode="json"),
    }
    return {
        "license": spec.license,
        "labels": json.dumps(spec.labels, ensure_ascii=False),
        "learned": json.dumps(learned, ensure_ascii=False),
    }


def learned(spec: Spec, checkpoint: Path) -> dict[str, Any]:
    """What an archive keeps of a checkpoint's training: `data`, `split_sha256`, `recipe`; a note where none is known.

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
        return {"note": "trained elsewhere: whether it learned from test images is not known"}
    facts: dict[str, Any] = json.loads(found["learned"])
    if facts["split_sha256"] != sha256(spec.split_path):
        raise UserError(
            f"{checkpoint}: learned by another {spec.split_path.name} than there is now, so test images may be among "
            f"those it learned from; train it again (`make train MODEL={spec.folder.name} RESTART=1`)"
        )
    return facts
