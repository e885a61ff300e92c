"""The `agreement_gate` of a spec: what a version must reach where no image has a label."""

from pydantic import Field

from handler.strict import StrictModel


class AgreementGate(StrictModel):
    """For images without labels, on which no accuracy can be measured."""

    min_agreement: float = Field(default=0.5, ge=0, le=1)
    """Of views for which float32 and int8 give the same label. Many views of a photo leave several of a thousand labels
    nearly as probable, so it is lower than where accuracy is gated; int8 gone wrong agrees on a few percent.
    """
