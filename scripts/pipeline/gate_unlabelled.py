"""The gate of a model without labelled images: int8 must say what float32 says. Nobody knows whether that is right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.pipeline.spec_agreement import AgreementGate

NOT_GATED = (
    "accuracy was not gated: there are no labelled images; agreement is the share of views of the photos on which the "
    "graph's top-1 is the float32 graph's"
)


@dataclass(frozen=True)
class AgreementVerdict:
    """What the gate found.

    Attributes:
        images: views looked at; none of the photos was used for calibration.
        thresholds: that had to be met.
        agreement: of 1, by graph: `int8 arithmetic` and `fp32 arithmetic`; empty for a float32 archive.
        unmeasured: arithmetics that this machine can't judge, each with the reason.
        failures: a sentence for each threshold missed; none when the version may be archived.
    """

    images: int
    thresholds: AgreementGate
    agreement: Mapping[str, float]
    unmeasured: Mapping[str, str]
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the version may be archived."""
        return not self.failures

    def evidence(self) -> dict[str, Any]:
        """Return the verdict as it is kept in the archive, figures to nine decimals."""
        return {
            "passed": self.passed,
            "images": self.images,
            "thresholds": self.thresholds.model_dump(),
            "measured": {graph: {"agreement": round(share, 9)} for graph, share in self.agreement.items()},
            "unmeasured": dict(self.unmeasured),
            "note": NOT_GATED,
        }

    def record(self) -> dict[str, Any]:
        """Return the evidence with the failures."""
        return {**self.evidence(), "failures": list(self.failures)}

    def text(self) -> str:
        """Return the verdict for a person."""
        figures = [
            f"{graph}: agreement with float32 {share:.2%} on {self.images} views of photos"
            for graph, share in self.agreement.items()
        ]
        figures += [f"{arithmetic} arithmetic: unmeasured: {why}" for arithmetic, why in self.unmeasured.items()]
        return "\n".join([*figures, "accuracy was not gated: there are no labelled images"])


def judge_agreement(
    float32: NDArray[np.intp],
    int8: Mapping[str, NDArray[np.intp]],
    unmeasured: Mapping[str, str],
    thresholds: AgreementGate,
) -> AgreementVerdict:
    """Return the verdict on classifications of images without labels.

    Args:
        float32: top-1 class by the float32 graph, [images].
        int8: the same by each graph of an int8 archive; empty for a float32 one, which has nothing to agree with.
        unmeasured: arithmetics that are not among them, each with the reason.
        thresholds: from the model's spec.
    """
    agreement = {graph: float((classes == float32).mean()) for graph, classes in int8.items()}
    failures = tuple(
        f"{graph}: agreement {share:.2%} misses min_agreement {thresholds.min_agreement:.2%}"
        for graph, share in agreement.items()
        if share < thresholds.min_agreement
    )
    return AgreementVerdict(len(float32), thresholds, agreement, unmeasured, failures)
