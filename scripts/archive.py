"""Build one version's archive, if it passes the gate."""

import json
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.version import build_version


class _Precision(StrEnum):
    float32 = "float32"
    int8 = "int8"


def main(
    version: Annotated[str, typer.Option(help="any name of letters, digits, dots and dashes; 1.0 and 1 differ")],
    precision: Annotated[_Precision, typer.Option(help="of the weights")],
    model: Annotated[str, typer.Option(help="a folder of models/")] = "elpv",
    checkpoint: Annotated[Path | None, typer.Option(help="safetensors; default: the spec's")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Export, quantize, gate and archive a checkpoint."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", version):
        raise UserError(f"version {version!r}: use letters, digits, dots and dashes, beginning with a letter or digit.")
    spec = Spec.load(MODELS / model)
    checkpoint = checkpoint or spec.checkpoint_path
    if not as_json:
        print(f"version {version}: {precision} from {checkpoint}", flush=True)
    model_store = Path(os.environ.get("MODEL_STORE", "model_store"))
    built = build_version(spec, version, precision.value, checkpoint, model_store)
    evidence = built.verdict.evidence()
    if as_json:
        print(json.dumps({"archive": str(built.path), "gate": evidence}))
        return
    for graph, figures in evidence["measured"].items():
        print(
            f"  gate: {graph}: accuracy {figures['accuracy']:.2%}, drop {figures['drop']:.2%}, "
            f"agreement {figures['agreement']:.2%} on {evidence['images']} held-out images"
        )
    print(f"  {built.path} ({built.path.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    cli.run(main)
