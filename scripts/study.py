"""Measure the models of a study side by side: `make study MODEL=elpv`.

    python -m scripts.study --model elpv

What `models/elpv/study.yaml` names is measured as `make archive` would judge it, and kept in `study.json`; `make card
TEXT=1` shows the tables. A model that was measured before is not measured again while its checkpoint and split are
the same; one whose checkpoint is not there keeps its figures, but for its times: those of `sizes` are taken in turns,
in one run. One that is stopped keeps what it has measured.
`--json` prints study.json.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
import typer

from scripts import cli
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.quantization.comparison import ROUNDS, machine
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.pipeline.study import measuring
from scripts.pipeline.study.definition import FILE_NAME as STUDY
from scripts.pipeline.study.definition import Study
from scripts.pipeline.study.tables import FILE_NAME


def figures(study: Study, kept: dict[str, Any], of: Spec, rounds: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Give what is known of the study's models, after each one that was measured, and at last with their times.

    Args:
        study: which models.
        kept: what was known before.
        of: whose study it is.
        rounds: of timing.
        folder: for graphs.
    """
    # Times are of one run and one machine, so that of before there are none.
    before = {model: {name: value for name, value in kept[model].items() if name != "cpu_ms"} for model in kept}
    rows = {model: before[model] for model in study.models if model in before}
    timed: dict[str, Path] = {}
    for model in study.models:
        spec = Spec.load(MODELS / model)
        if not spec.checkpoint_path.is_file():
            _say(f"{model}: no checkpoint, " + ("its figures stay" if model in rows else "not measured"))
            continue
        is_known = model in rows and rows[model].items() >= measuring.made_of(spec).items()
        if is_known and model not in study.sizes:
            continue
        _say(f"{model} …")
        (folder / model).mkdir()
        rows[model] = measuring.measure(spec, folder / model)
        if model in study.sizes:
            timed[model] = folder / model
        yield rows
    _say("times …")
    for model, taken in zip(timed, measuring.times(of, list(timed.values()), rounds), strict=True):
        rows[model]["cpu_ms"] = taken
    yield rows


def main(
    model: Annotated[str, typer.Option(envvar="MODEL", help="a folder of models/")] = DEFAULT_MODEL,
    rounds: Annotated[int, typer.Option(min=1, help="Of timing")] = ROUNDS,
    as_json: Annotated[bool, typer.Option("--json", help="Print study.json")] = False,
) -> None:
    """Measure, and write study.json to the model's folder."""
    torch.set_num_threads(1)
    spec = Spec.load(MODELS / model)
    study, path = Study.of(spec.folder), spec.folder / FILE_NAME
    if not study.models:
        raise UserError(
            f"{spec.folder / STUDY}: no such file, or no models in it; docs/training.md says what it holds."
        )
    kept = json.loads(path.read_text(encoding="utf-8"))["models"] if path.is_file() else {}
    with TemporaryDirectory() as folder:
        for rows in figures(study, kept, spec, rounds, Path(folder)):
            text = json.dumps({"machine": machine(), "models": rows}, indent=1, ensure_ascii=False) + "\n"
            replace_file(path, text)
    print(text if as_json else f"{path}: {len(rows)} of {len(study.models)} models; `make card MODEL={model} TEXT=1`")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    cli.run(main)
