"""The teacher that a spec names: a model of the same folder, which may teach only what it may know itself."""

from scripts.errors import UserError
from scripts.pipeline.data.split import read_split
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
    if read_split(teacher.split_path) != read_split(student.split_path):
        raise UserError(f"{key}its split is not its student's, so {name} may have learned from test images")
    ours, theirs = student.preprocessing, teacher.preprocessing
    if (ours.mean, ours.std) != (theirs.mean, theirs.std):
        raise UserError(f"{key}{name} has another mean or std, but looks at the same crops")
    return teacher


def trained_teacher(student: Spec) -> Spec | None:
    """The same, with weights to teach from.

    Raises:
        UserError: also where it is not trained yet.
    """
    teacher = teacher_of(student)
    if teacher is not None and teacher.weights is None and not teacher.checkpoint_path.is_file():
        name = teacher.folder.name
        raise UserError(f"{teacher.checkpoint_path}: the teacher is not trained yet; `make train MODEL={name}`")
    return teacher
