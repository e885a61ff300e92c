"""The teacher that a spec names: a model of the same folder, which may teach only what it may know itself."""

from scripts.errors import UserError
from scripts.pipeline.data.split import read_split
from scripts.pipeline.provenance import learned
from scripts.pipeline.spec import Spec


def teacher_of(student: Spec) -> Spec | None:
    """The spec of the teacher; None where none is named.

    Raises:
        UserError: it must not teach this student, or can't.
    """
    if student.training is None or student.training.teacher is None:
        return None
    key = f"{student.folder / 'spec.yaml'}: `training.teacher`: "
    teacher = Spec.load(student.folder.parent / student.training.teacher)
    name = teacher.folder.name
    if teacher.labels != student.labels:
        raise UserError(f"{key}{name} has other labels")
    if not _test_part(student) <= _test_part(teacher):
        raise UserError(f"{key}its test part is not its student's, so {name} may have learned from test images")
    ours, theirs = student.preprocessing, teacher.preprocessing
    if (ours.mean, ours.std) != (theirs.mean, theirs.std):
        raise UserError(f"{key}{name} has another mean or std, but looks at the same crops")
    return teacher


def _test_part(spec: Spec) -> set[str]:
    # Not val: it decides nothing, so a student may be shown images of it by a teacher that learned from them.
    return {name for name, part in read_split(spec.split_path).items() if part == "test"}


def trained_teacher(student: Spec) -> Spec | None:
    """The same, with weights to teach from.

    Raises:
        UserError: also where it is not trained yet, or learned by another split than the present one.
    """
    teacher = teacher_of(student)
    if teacher is None or teacher.weights is not None:
        return teacher
    if not teacher.checkpoint_path.is_file():
        name = teacher.folder.name
        raise UserError(f"{teacher.checkpoint_path}: the teacher is not trained yet; `make train MODEL={name}`")
    learned(teacher, teacher.checkpoint_path)
    return teacher
