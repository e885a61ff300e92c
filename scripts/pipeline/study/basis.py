"""What a measurement that is kept is of (`study.json`, a teacher's `evaluation.json`), and whether it still holds."""

from collections.abc import Mapping
from typing import Any

from scripts.files import sha256
from scripts.pipeline.spec import Spec
from scripts.pipeline.weights import digest


def made_of(spec: Spec) -> dict[str, str]:
    """Return what a measurement of a trained model depends on."""
    return {"checkpoint_sha256": digest(spec, None), **_split(spec)}


def holds(row: Mapping[str, Any], spec: Spec) -> bool:
    """Whether a model that is measured anew would have the same figures; of one without a checkpoint nobody can say no.

    Args:
        row: what was kept: figures, with what `made_of` said.
        spec: of the model.
    """
    of = made_of(spec) if spec.weights or spec.checkpoint_path.is_file() else _split(spec)
    return row.items() >= of.items()


def _split(spec: Spec) -> dict[str, str]:
    return {"split_sha256": sha256(spec.split_path)}
