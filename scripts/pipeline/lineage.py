"""Which models come before a model: whose next version it is, and which have to be trained before it."""

from pathlib import Path

from scripts.errors import UserError
from scripts.pipeline.archive import archive_path
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled
from scripts.pipeline.teachers import teacher_of


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


def trained_before(spec: Spec) -> tuple[str, ...]:
    """The folders of the models that it goes on from or is taught by, and of theirs, in the order of training.

    Raises:
        UserError: one must not teach (`teacher_of`), or two come before each other.
    """
    return tuple(dict.fromkeys(_trained_before(spec, (spec.folder.name,))))


def _trained_before(spec: Spec, above: tuple[str, ...]) -> list[str]:
    names = []
    for before in (_before(spec), teacher_of(spec)):
        if before is None:
            continue
        name = before.folder.name
        if name in above:
            raise UserError(f"{spec.folder / 'spec.yaml'}: `training`: {name} would go on from itself, or teach itself")
        names += [*_trained_before(before, (*above, name)), name]
    return names


def _before(spec: Spec) -> Spec | None:
    """The other model that one goes on from: of the same labels and split. None that only lends its weights."""
    if spec.training is None or isinstance(spec.data, Unlabelled):
        return None
    folder = Path(spec.training.start).parent
    before = Spec.load(folder) if folder != spec.folder and (folder / "spec.yaml").is_file() else None
    return before if before and before.labels == spec.labels and _split(before) == _split(spec) else None


def _split(spec: Spec) -> Path | None:
    return None if isinstance(spec.data, Unlabelled) else spec.split_path.resolve()
