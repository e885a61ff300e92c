"""Build one version's archive, if it passes the gate."""

import json
import os
import re
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.pipeline.archive import require_writable
from scripts.pipeline.gate import Verdict
from scripts.pipeline.gate_unlabelled import AgreementVerdict
from scripts.pipeline.report import verdict_text
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.pipeline.version import Refused, build_version
from scripts.pipeline.weights import origin


class _Precision(StrEnum):
    float32 = "float32"
    int8 = "int8"


def main(
    version: Annotated[str, typer.Option(help="any name of letters, digits, dots and dashes; 1.0 and 1 differ")],
    precision: Annotated[_Precision, typer.Option(help="of the weights")],
    model: Annotated[str, typer.Option(envvar="MODEL", help="a folder of models/")] = DEFAULT_MODEL,
    checkpoint: Annotated[Path | None, typer.Option(help="safetensors; default: the spec's")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Export, quantize, gate and archive a checkpoint."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", version):
        raise UserError(f"version {version!r}: use letters, digits, dots and dashes, beginning with a letter or digit.")
    spec = Spec.load(MODELS / model)
    model_store = Path(os.environ.get("MODEL_STORE", "model_store"))
    require_writable(model_store)
    if not as_json:
        print(f"version {version}: {precision} from {origin(spec, checkpoint)}", flush=True)
    try:
        built = build_version(spec, version, precision.value, checkpoint, model_store)
    except Refused as refusal:
        print(json.dumps({"archive": None, "gate": refusal.verdict.record()}) if as_json else _report(refusal.verdict))
        raise
    if as_json:
        print(json.dumps({"archive": str(built.path), "gate": built.verdict.record()}))
        return
    print(_report(built.verdict))
    if note := built.metadata.training.get("note"):
        print(f"  note: {note}")
    print(f"  {built.path} ({built.path.stat().st_size / 1e6:.1f} MB)")


def _report(verdict: Verdict | AgreementVerdict) -> str:
    text = verdict.text() if isinstance(verdict, AgreementVerdict) else verdict_text(verdict)
    return textwrap.indent(text, "  ")


if __name__ == "__main__":
    cli.run(main)
