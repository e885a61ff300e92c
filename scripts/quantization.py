"""Every way to quantize a model's checkpoint, in one run: `make quantization MODEL=elpv`."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from scripts import cli
from scripts.files import replace_file
from scripts.pipeline.quantization.comparison import ROUNDS, run
from scripts.pipeline.quantization.figure import draw
from scripts.pipeline.quantization.report import markdown
from scripts.pipeline.spec import MODELS, Spec


def main(
    model: Annotated[str, typer.Option(help="Folder in models/")] = "elpv",
    rounds: Annotated[int, typer.Option(min=1, help="Of timing")] = ROUNDS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Write quantization.json, quantization.md and quantization.png to the model's folder, and print the tables."""
    spec = Spec.load(MODELS / model)
    with TemporaryDirectory() as folder:
        found = run(spec, Path(folder), rounds, lambda step: print(f"{step} …", file=sys.stderr, flush=True))
    data = json.dumps(found.as_json(), indent=1) + "\n"
    replace_file(spec.folder / "quantization.json", data)
    replace_file(spec.folder / "quantization.md", markdown(found))
    replace_file(spec.folder / "quantization.png", draw(found))
    print(data if as_json else markdown(found), end="")


if __name__ == "__main__":
    cli.run(main)
