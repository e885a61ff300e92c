"""Write a model's card from the evidence of its archives: `make card MODEL=elpv`.

    python -m scripts.card --model elpv           measure what is not in the archives, then write the card
    python -m scripts.card --model elpv --text    write the text again, after an edit of notes.md or goals.yaml

Into models/<model>/: README.md (the card), errors.png and errors.csv (wrong answers of 2.0, by its own code) and
evidence.json (all figures); evaluation.json into the folder of its teacher.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.evaluate import by_checkpoint, measure
from scripts.files import replace_file
from scripts.pipeline import served
from scripts.pipeline.card import evidence, page, wrong
from scripts.pipeline.card.sheet import contact_sheet
from scripts.pipeline.card.teacher import teacher_figures
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.images import decode
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.pipeline.weights import origin


def evaluated(spec: Spec) -> dict[str, Any]:
    """Return what `scripts.evaluate --json` says of a model's weights on its test part."""
    source = origin(spec, None)
    _say(f"asking {source} …")
    images = samples(spec, "test")
    found = by_checkpoint(spec, None, images)
    of = {"model": spec.name, "part": "test", "of": source, "version": None}
    return of | measure(found, images, spec.labels).as_json()


def collect(spec: Spec, model_store: Path) -> None:
    """Write evidence.json, errors.csv and errors.png."""
    archives = {version: evidence.read_archive(spec, model_store, version) for version in evidence.PRECISIONS}
    images = samples(spec, "test")
    path, _ = archives["2.0"]
    _say(f"asking {path} about {len(images)} test images …")
    answered = served.by_archive(path, images, spec.labels, "auto", spec.folder.name)
    teacher = teacher_figures(spec, evaluated)
    found = evidence.collect(spec, archives, answered, images, teacher)
    all_wrong = wrong.wrong_images(answered.answers, images, spec.labels)
    replace_file(spec.folder / page.ERRORS, wrong.as_csv(all_wrong))
    _draw(all_wrong[: wrong.SHOWN], images, spec.folder / page.SHEET)
    replace_file(spec.folder / evidence.FILE_NAME, evidence.as_text(found))


def main(
    model: Annotated[str, typer.Option(envvar="MODEL", help="a folder of models/")] = DEFAULT_MODEL,
    text: Annotated[bool, typer.Option(help="the text alone, from the evidence of before")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the evidence as JSON")] = False,
) -> None:
    """Write the model card."""
    spec = Spec.load(MODELS / model)
    path = spec.folder / page.FILE_NAME
    if spec.gate is None:
        raise UserError(f"{spec.folder / 'spec.yaml'}: without labelled images there is nothing to measure for a card.")
    if not page.is_ours(path):
        raise UserError(f"{path}: not written by `make card`; move what is to stay into notes.md, and delete it.")
    if not text:
        collect(spec, Path(os.environ.get("MODEL_STORE", "model_store")))
    replace_file(path, page.card(spec))
    print(json.dumps(evidence.read(spec.folder)) if as_json else path)


def _draw(worst: list[wrong.Wrong], images: list[Sample], path: Path) -> None:
    if not worst:
        path.unlink(missing_ok=True)
        return
    by_name = {image.name: image for image in images}
    replace_file(path, contact_sheet(worst, [decode(by_name[line.file]) for line in worst]))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    cli.run(main)
