"""What traffic.yaml says of each key, and of other origins' pages."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from handler.strict import StrictModel

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError("an origin is a scheme, a host in lower case and, where it is not the usual one, a port")
    return value


Origin = Annotated[str, AfterValidator(_origin)]


class PerKey(StrictModel):
    """Limits of every key.

    Attributes:
        requests_per_s: more are refused; None: no limit. A key's own number in keys.yaml goes first.
        at_once: requests of one key under way; more are refused. `auto`: two for each worker that has traffic; None: no
            limit.
    """

    requests_per_s: int | None = Field(default=None, ge=1)
    at_once: Annotated[int, Field(ge=1)] | Literal["auto"] | None = "auto"
