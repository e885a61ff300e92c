"""The `gate` of a spec: what a version must reach before it is archived."""

from pydantic import Field

from handler.strict import StrictModel

Fraction = Field(ge=0, le=1)


class Gate(StrictModel):
    """Thresholds on the test part; fractions of 1. Each graph has to meet all of them; null demands nothing."""

    min_accuracy: float = Fraction
    max_drop: float = Fraction
    """In accuracy, from float32 to int8."""
    min_agreement: float = Fraction
    """Of images for which float32 and int8 give the same label."""
    min_recall: float | None = Field(default=None, ge=0, le=1)
    """Of the label that is recognised worst."""
    max_calibration_error: float | None = Field(default=None, ge=0, le=1)
    """Expected calibration error of 15 bins."""
    max_latency_ratio: float | None = Field(default=None, gt=0)
    """Processor time of an int8 graph to that of the float32 graph, one thread, at batch 1 and at batch 8."""
