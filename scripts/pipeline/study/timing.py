"""How long the models of a study take, all in turns: their order says nothing, and what else ran hit all of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from handler.engine import Engine
from scripts.errors import UserError
from scripts.pipeline.images import labelled
from scripts.pipeline.quantization.measure import BATCHES, interleaved
from scripts.pipeline.spec import Spec
from scripts.pipeline.study.graphs import export_once, graphs
from scripts.pipeline.weights import digest
from scripts.spread import Spread

_DIGITS = 3


def require_one_crop(specs: Mapping[str, Spec]) -> None:
    """Raise UserError where models that are to be timed beside each other take images of different sizes."""
    first = next(iter(specs.values()), None)
    for name, spec in specs.items():
        if first and spec.preprocessing.crop != first.preprocessing.crop:
            raise UserError(
                f"study.yaml: `sizes`: {name} takes images of {spec.preprocessing.crop} pixels, and "
                f"{first.folder.name} of {first.preprocessing.crop}: their times can't be compared; take one out"
            )


def times(specs: Mapping[str, Spec], rounds: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Return `times.models` of study.json (`scripts.pipeline.study.measuring`).

    Args:
        specs: of the models to time, by name; all take images of one size.
        rounds: of timing.
        folder: where `measure` left the graphs of some; those of the others are added.
    """
    if not specs:
        return {}
    for name, spec in specs.items():
        export_once(spec, folder / name)
    runners: list[Callable[[Any], Any]] = [
        Engine.load(path, arithmetic, threads=1).logits
        for name in specs
        for path, arithmetic in graphs(folder / name).values()
    ]
    images = labelled(next(iter(specs.values())), "test").images[: max(BATCHES)]
    found = iter(interleaved(runners, images, rounds))
    return {
        name: {
            "checkpoint_sha256": digest(spec, None),
            **{graph: _spreads(next(found)) for graph in graphs(folder / name)},
        }
        for name, spec in specs.items()
    }


def _spreads(turns: dict[int, list[tuple[float, float]]]) -> dict[str, list[float]]:
    spreads = {batch: Spread.of([cpu for cpu, _ in taken]) for batch, taken in turns.items()}
    return {
        str(batch): [round(value, _DIGITS) for value in (spread.median, spread.low, spread.high)]
        for batch, spread in spreads.items()
    }
