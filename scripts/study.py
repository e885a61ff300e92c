"""Measure the models of a study side by side: `make study MODEL=elpv`.

    python -m scripts.study --model elpv

What `models/elpv/study.yaml` names is measured as `make archive` would judge it, and kept in `study.json`; `make card
TEXT=1` shows the tables. A model that was measured before is not measured again while its checkpoint and split are
the same; one whose checkpoint is not there keeps its figures. Those of `sizes` are timed in turns, in one run, at last:
until then the times of the run before stay. One that is stopped keeps what it has measured.
`--json` prints study.json.
"""

import json
import sys
from collections.abc import Iterator, Mapping
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
from scripts.pipeline.study import measuring, timing
from scripts.pipeline.study.basis import holds
from scripts.pipeline.study.definition import FILE_NAME as STUDY
from scripts.pipeline.study.definition import Study
from scripts.pipeline.study.tables import FILE_NAME

Rows = dict[str, Any]
"""By folder of models/."""


def figures(specs: Mapping[str, Spec], kept: Rows, folder: Path) -> Iterator[Rows]:
    """Give what is known of the models, at first and after each one that was measured; their graphs lie in `folder`.

    Args:
        specs: of the study's models.
        kept: what was known before; it holds as long as checkpoint and split are the same.
        folder: gets the graphs of those that are measured.
    """
    rows = {
        model: kept[model]
        for model, spec in specs.items()
        if model in kept and (spec.checkpoint_path.is_file() or holds(kept[model], spec))
    }
    yield rows
    for model, spec in specs.items():
        if not spec.checkpoint_path.is_file():
            _say(f"{model}: no checkpoint, " + ("its figures stay" if model in rows else "not measured"))
        elif not (model in rows and holds(rows[model], spec)):
            _say(f"{model} …")
            rows[model] = measuring.measure(spec, folder / model)
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
    specs = {name: Spec.load(MODELS / name) for name in study.models}
    sizes = {name: specs[name] for name in study.sizes if specs[name].checkpoint_path.is_file()}
    timing.require_one_crop(sizes)
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"models": {}, "times": {}}
    with TemporaryDirectory() as folder:
        for rows in figures(specs, found["models"], Path(folder)):
            found["models"] = rows
            _write(found, path)
        _say("times …")
        found["times"] = {"machine": machine(), "models": timing.times(sizes, rounds, Path(folder))}
    text = _write(found, path)
    print(text if as_json else f"{path}: {len(rows)} of {len(specs)} models; `make card MODEL={model} TEXT=1`")


def _write(found: dict[str, Any], path: Path) -> str:
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    replace_file(path, text)
    return text


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    cli.run(main)
