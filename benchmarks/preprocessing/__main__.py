"""Holds the handler's decoding and scaling against Pillow's: agreement of answers, and CPU; see docs/benchmark.md."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer

from benchmarks import preprocessing, product, workload
from handler.engine import Engine
from handler.metadata import Metadata
from scripts import cli
from scripts.serving.places import Places

MIN_AGREEMENT = 0.995
MAX_RATIO = 1 / 3


def main(
    images: Annotated[int, typer.Option(min=1, help="To compare, of mixed sizes.")] = 504,
    rounds: Annotated[int, typer.Option(min=1, help="Of each measurement of CPU.")] = 9,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print agreement and CPU, with the goals."""
    torch.set_num_threads(1)
    archive = Places.from_environment(os.environ).archive(product.MODEL, product.INT8)
    with TemporaryDirectory() as name:
        folder = workload.unpack(archive, Path(name))
        metadata = Metadata.load_verified(folder)
        engine = Engine.load(folder / metadata.graphs["fp32"], "fp32", threads=1)
    to = metadata.preprocessing
    costs = preprocessing.costs(to, rounds)
    found = preprocessing.agreement(engine, to, preprocessing.mixed(images))
    eighth, whole = preprocessing.floor(rounds)
    if as_json:
        floor = {"eighth_ms": eighth, "whole_ms": whole}
        print(json.dumps({"costs": [asdict(cost) for cost in costs], "agreement": asdict(found), "floor": floor}))
        return
    for cost in costs:
        print(
            f"{cost.name:16}  handler {cost.handlers_ms:7.2f} ms  Pillow {cost.reference_ms:7.2f} ms  {cost.ratio:.2f}x"
        )
    ratio = next(cost.ratio for cost in costs if cost.name == "JPEG 4000x3000")
    share = found.same / found.images
    print(f"12-megapixel JPEG: {ratio:.2f} of Pillow's CPU; at most {MAX_RATIO:.2f}: {_met(ratio <= MAX_RATIO)}")
    print(
        f"top-1 agreement: {share:.2%} of {found.images}; at least {MIN_AGREEMENT:.1%}: {_met(share >= MIN_AGREEMENT)}"
    )
    print(f"largest difference of a logit: {found.largest_difference:.3f} ({found.worst})")
    print(f"decoding 500x375: {whole:.2f} ms, {eighth:.2f} of them at an eighth of the size as well")


def _met(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    cli.run(main)
