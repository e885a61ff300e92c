"""The operator's settings, handed to each worker as environment variables."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from handler.errors import ArchiveError
from handler.strict import StrictModel, load

PREFIX = "HANDLER_"


class Settings(StrictModel):
    """How this process serves an archive; `handler.x` in config.properties becomes `HANDLER_X`.

    Attributes:
        arithmetic: what an int8 archive computes in; `auto` takes int8 where the CPU is fast at it.
            A float32 archive always computes in fp32.
        threads: of one worker's inference session.
        max_megapixels: of one request's images together, by their headers: with more it is refused before any of
            them is decoded. Below Pillow's own limit, at which it refuses to open an image.
        max_instances: images in one JSON body.
        top_k: predictions in an answer when the request names no number.
    """

    arithmetic: Literal["auto", "int8", "fp32"] = "auto"
    threads: int = Field(default=1, ge=1)
    max_megapixels: float = Field(default=25.0, gt=0, le=178)
    max_instances: int = Field(default=32, ge=1)
    top_k: int = Field(default=5, ge=1)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Return the settings named by the `HANDLER_…` variables; the rest keep their defaults.

        Raises:
            ArchiveError: an unknown or wrong variable, named.
        """
        named = {
            key.removeprefix(PREFIX).lower(): value for key, value in environment.items() if key.startswith(PREFIX)
        }
        try:
            return load(cls, named, f"environment variables {PREFIX}*")
        except ValueError as error:
            # A RuntimeError, so that TorchServe reports a failed load instead of crashing the worker.
            raise ArchiveError(str(error)) from None
