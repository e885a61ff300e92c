"""Everything that is known of one graph, archive or server on the same labelled images.

As JSON, in an archive's `model.json` (`gate.measured.<graph>`), in `make archive`'s `.gate.json` and in
`scripts.evaluate --json`; shares are of 1, intervals are [low, high] of 95 %:

    arithmetic            `fp32` or `int8`; null where a server does not say
    instructions          what the CPU has for it, e.g. `avx512_vnni`; null where a server runs elsewhere
    images, accuracy, accuracy_95, roc_auc (null: only one label has images), calibration_error
    recall                by label: images, share, share_95
    confusion             [true label][answered label], null above 20 labels
    confidence            images by the answered label's probability, in 20 bins of equal width from 0 to 1
    groups                by group (elpv: mono, poly): images, accuracy, …, confusion again
    paired                against float32 on the same images, only of int8 graphs: drop, drop_95, lost, won, mcnemar_p,
                          agreement, agreement_95
    latency               by batch size, one thread, only of int8 graphs and not in model.json (its figures differ from
                          run to run, the archive's bytes don't): ms_per_image, ratio (to float32), ratio_quartiles
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from scripts.pipeline.answers import Answers
from scripts.pipeline.latency import Latency
from scripts.pipeline.metrics import Metrics, Truth, by_group, interval
from scripts.pipeline.paired import Paired


@dataclass(frozen=True)
class Measured:
    """How good answers are, what computed them, and how they compare to float32; see the module for each as JSON."""

    arithmetic: str | None
    instructions: str | None
    metrics: Metrics
    groups: dict[str, Metrics]
    confidence: tuple[int, ...]
    paired: Paired | None = None
    latency: Mapping[int, Latency] = field(default_factory=dict)

    @classmethod
    def of(cls, answers: Answers, truth: Truth, arithmetic: str | None, instructions: str | None) -> Self:
        """Return what answers are worth, and what computed them."""
        of_groups = by_group(answers, truth)
        return cls(arithmetic, instructions, Metrics.of(answers, truth), of_groups, answers.confidence_counts())

    def as_json(self) -> dict[str, Any]:
        """Return everything but the latency: what is the same in every run."""
        content: dict[str, Any] = {
            "arithmetic": self.arithmetic,
            "instructions": self.instructions,
            **self.metrics.as_json(),
            "confidence": self.confidence,
            "groups": {name: metrics.as_json() for name, metrics in self.groups.items()},
        }
        if self.paired:
            content["paired"] = {
                "drop": round(self.paired.drop, 9),
                "drop_95": interval(self.paired.drop_95),
                "lost": self.paired.lost,
                "won": self.paired.won,
                "mcnemar_p": round(self.paired.mcnemar_p, 9),
                "agreement": round(self.paired.agreement.share, 9),
                "agreement_95": interval(self.paired.agreement.interval_95),
            }
        return content

    def latency_as_json(self) -> dict[str, dict[str, Any]]:
        """Return the latency by batch size."""
        return {
            str(batch): {
                "ms_per_image": round(found.ms, 3),
                "ratio": round(found.ratio, 3),
                "ratio_quartiles": [round(quartile, 3) for quartile in found.quartiles],
            }
            for batch, found in self.latency.items()
        }
