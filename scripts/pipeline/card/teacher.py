"""A teacher's own figures: measured once from its checkpoint, and kept in its folder as `evaluation.json`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.files import replace_file
from scripts.pipeline.spec import Spec
from scripts.pipeline.study.basis import holds, made_of
from scripts.pipeline.teachers import teacher_of

FILE_NAME = "evaluation.json"


def teacher_figures(student: Spec, evaluate: Callable[[Spec], dict[str, Any]]) -> dict[str, Any] | None:
    """Return what the teacher that the spec names reaches on the test part; None where there is none to measure.

    A teacher whose checkpoint is not there any more keeps the figures that were measured while it was.

    Args:
        student: whose `training.teacher` it is.
        evaluate: measures a model's checkpoint on its test part, as `scripts.evaluate --json` prints it.

    Raises:
        UserError: it must not teach this student (`teacher_of`).
    """
    teacher = teacher_of(student)
    if teacher is None:
        return None
    name = teacher.folder.name
    path = teacher.folder / FILE_NAME
    kept = _kept(path)
    if not teacher.weights and not teacher.checkpoint_path.is_file():
        return {"folder": name, **kept} if kept else None
    if kept is None or not holds(kept, teacher):
        kept = {**evaluate(teacher), **made_of(teacher)}
        replace_file(path, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return {"folder": name, **kept}


def _kept(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
