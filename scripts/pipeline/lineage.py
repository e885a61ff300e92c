"""Whose next version the checkpoint of a model is that goes on from another's: with more images, pruned, or rounded."""

from pathlib import Path

from scripts.pipeline.archive import archive_path
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled


def root(spec: Spec) -> Spec:
    """The model that a successor's archives are versions of: the first of those that it goes on from."""
    seen = {spec.folder}
    while (before := _before(spec)) is not None and before.folder not in seen:
        seen.add(before.folder)
        spec = before
    return spec


def archive_command(spec: Spec, model_store: Path) -> str:
    """What to do with a trained model; of a successor, it makes the next version of the model that is served."""
    first = root(spec)
    if first.folder == spec.folder:
        return f"make archive MODEL={spec.folder.name} VERSION=1.0 PRECISION=float32"
    # 1.0 and 2.0 are the first model's own, built or not.
    number = next(n for n in range(3, 10_000) if not archive_path(model_store, first.name, f"{n}.0").exists())
    return f"make archive MODEL={first.folder.name} VERSION={number}.0 PRECISION=int8 CHECKPOINT={spec.checkpoint_path}"


def _before(spec: Spec) -> Spec | None:
    """The model that one goes on from: of the same labels and split. None that only lends its weights."""
    if spec.training is None or isinstance(spec.data, Unlabelled):
        return None
    folder = Path(spec.training.start).parent
    before = Spec.load(folder) if (folder / "spec.yaml").is_file() else None
    return before if before and before.labels == spec.labels and _split(before) == _split(spec) else None


def _split(spec: Spec) -> Path | None:
    return None if isinstance(spec.data, Unlabelled) else spec.split_path.resolve()
