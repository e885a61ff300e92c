"""The gate: a version that lost accuracy gets no archive.

Its evidence, in an archive's `model.json` under `gate` (shares of 1; a graph's figures: `scripts.pipeline.measured`):

    passed        true: without it no archive is written, registered or served
    part, images  on which: `test`, how many
    thresholds    the spec's `gate`
    measured      by graph (`float32`; of an int8 archive also `int8 arithmetic` and `fp32 arithmetic`): its figures
    unmeasured    by arithmetic (`int8`): why this machine could not judge it; workers don't compute in it then

`model_store/<name>-<version>.gate.json` and `make archive --json` (`gate`) have the same with every graph's `latency`
and, where the gate refused, `failures`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.arithmetic import INT8_DOT_PRODUCTS, has_int8_dot_product, instructions
from handler.engine import Engine
from scripts.pipeline import latency
from scripts.pipeline.answers import Answers
from scripts.pipeline.images import Labelled
from scripts.pipeline.measured import Measured
from scripts.pipeline.metrics import Truth
from scripts.pipeline.paired import Paired
from scripts.pipeline.spec_gate import Gate

REFERENCE = "float32"


@dataclass(frozen=True)
class Verdict:
    """What the gate found.

    Attributes:
        images: held-out images looked at.
        thresholds: that had to be met.
        measured: by graph: `float32`, and for an int8 archive `int8 arithmetic` and `fp32 arithmetic`.
        unmeasured: arithmetics that this machine can't judge, each with the reason.
        failures: a sentence for each threshold missed; none when the version may be archived.
    """

    images: int
    thresholds: Gate
    measured: dict[str, Measured]
    unmeasured: dict[str, str]
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the version may be archived."""
        return not self.failures

    def evidence(self) -> dict[str, Any]:
        """Return what the archive keeps: the same for the same inputs on one kind of CPU."""
        return {
            "passed": self.passed,
            "part": "test",
            "images": self.images,
            "thresholds": self.thresholds.model_dump(),
            "measured": {graph: measured.as_json() for graph, measured in self.measured.items()},
            "unmeasured": self.unmeasured,
        }

    def record(self) -> dict[str, Any]:
        """Return the evidence with the latencies of this run and the failures."""
        evidence = self.evidence()
        for graph, measured in self.measured.items():
            if measured.latency:
                evidence["measured"][graph]["latency"] = measured.latency_as_json()
        return {**evidence, "failures": list(self.failures)}


def unmeasurable(arithmetics: Sequence[str], capabilities: Mapping[str, Any]) -> dict[str, str]:
    """Return which of an archive's arithmetics can't be judged on a CPU, each with the reason."""
    if "int8" not in arithmetics or has_int8_dot_product(capabilities):
        return {}
    return {"int8": f"the gate's CPU has none of {', '.join(INT8_DOT_PRODUCTS)}: other kernels would have run"}


def not_finite(logits: Mapping[str, NDArray[np.float32]]) -> tuple[str, ...]:
    """Return a failure for each graph that answers NaN or infinity, of which nothing can be measured.

    Args:
        logits: by graph, [images, labels].
    """
    return tuple(f"{graph}: answers are not finite" for graph, found in logits.items() if not np.isfinite(found).all())


def examine(
    engines: Mapping[str, Engine],
    logits: Mapping[str, NDArray[np.float32]],
    images: Labelled,
    labels: Sequence[str],
    capabilities: Mapping[str, Any],
) -> dict[str, Measured]:
    """Return what each graph is worth on the same images.

    Args:
        engines: by graph, one thread each, `float32` among them: what the others are held against.
        logits: their answers to the images, finite.
        images: held out.
        labels: by index.
        capabilities: this CPU's, as `torch.cpu.get_capabilities()` gives them.
    """
    truth = Truth(images.labels, images.groups, labels)
    answers = {graph: Answers.of_logits(found) for graph, found in logits.items()}
    measured = {
        graph: Measured.of(given, truth, arithmetic, instructions(arithmetic, capabilities))
        for graph, given in answers.items()
        for arithmetic in [engines[graph].arithmetic]
    }
    others = {graph: engine for graph, engine in engines.items() if graph != REFERENCE}
    latencies = latency.measure(engines[REFERENCE], others, images.images) if others else {}
    for graph in others:
        paired = Paired.of(answers[REFERENCE].classes, answers[graph].classes, images.labels)
        measured[graph] = replace(measured[graph], paired=paired, latency=latencies[graph])
    return measured


def judge(measured: dict[str, Measured], unmeasured: dict[str, str], thresholds: Gate) -> Verdict:
    """Return the verdict on what was measured, all of it on the same images."""
    failures = _unseen(measured[REFERENCE].metrics.unseen, thresholds)
    failures += [failure for graph, figures in measured.items() for failure in _misses(graph, figures, thresholds)]
    return Verdict(measured[REFERENCE].metrics.accuracy.of, thresholds, measured, unmeasured, tuple(failures))


def _unseen(labels: Sequence[str], thresholds: Gate) -> list[str]:
    """Return the failure where the worst label can't be known, for some have no images."""
    if not labels or thresholds.min_recall is None:
        return []
    others = f" (and {len(labels) - 1} more)" if len(labels) > 1 else ""
    demanded = f"min_recall {_text(thresholds.min_recall, 'min_recall')}"
    return [
        f"no test image has the label {labels[0]!r}{others}, so {demanded} can't be judged; "
        "add images of it and deal them out, or take min_recall out"
    ]


def _misses(graph: str, found: Measured, thresholds: Gate) -> list[str]:
    metrics = found.metrics
    checks = [
        ("accuracy", metrics.accuracy.share, "min_accuracy"),
        (f"recall of {metrics.worst}", metrics.recall[metrics.worst].share, "min_recall"),
        ("calibration error", metrics.calibration_error, "max_calibration_error"),
    ]
    if found.paired:
        checks += [("drop", found.paired.drop, "max_drop")]
        checks += [("agreement", found.paired.agreement.share, "min_agreement")]
    for batch, time in found.latency.items():
        checks += [(f"latency ratio at batch {batch}", time.ratio, "max_latency_ratio")]
    return [
        f"{graph}: {name} {_text(value, key)} misses {key} {_text(threshold, key)}"
        for name, value, key in checks
        for threshold in [getattr(thresholds, key)]
        if threshold is not None and (value < threshold if key.startswith("min") else value > threshold)
    ]


def _text(value: float, key: str) -> str:
    return f"{value:.2f}" if key.endswith("ratio") else f"{value:.2%}"
