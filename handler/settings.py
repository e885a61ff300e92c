"""The operator's settings, handed to each worker as environment variables."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from handler.errors import ArchiveError
from handler.strict import StrictModel, load

PREFIX = "HANDLER_"


_SHARES = {"off": 0.0, "on": 1.0}


def _share(text: str) -> str:
    try:
        share = _SHARES[text] if text in _SHARES else float(text)
    except ValueError:
        share = -1
    if text not in _SHARES and not 0 < share < 1:
        raise ValueError("off, on, or a share of the requests such as 0.1")
    return text


class Settings(StrictModel):
    """How this process serves an archive; `handler.x` in config.properties becomes `HANDLER_X`.

    Attributes:
        arithmetic: what an int8 archive computes in; `auto` takes int8 where the CPU is fast at it.
            A float32 archive always computes in fp32.
        threads: of one worker's inference session.
        max_megapixels: of one request's images together, by their headers: with more it is refused before any of
            them is decoded. Below Pillow's own limit, at which it refuses to open an image.
        decode_seconds: of a processor, which decoding one request's images may take; a request that takes more is
            refused.
        max_instances: images in one JSON body.
        top_k: predictions in an answer when the request names no number.
        prediction_log: whether each image gets a line in a file: `off`, `on`, or a share of the requests.
        prediction_log_bytes: of one such file; then the next is begun.
        prediction_log_files: kept of a version; the oldest go first.
        prediction_log_folder: where they are; needed where there is a log.
        harvest: whether images that are worth a label are kept.
        harvest_margin: by which an image's best class is more probable than its second, where it is not kept.
        harvest_files: kept of a model's images, of all its workers and versions together.
        harvest_bytes: of the same.
        harvest_folder: where they are; needed where they are kept.
    """

    arithmetic: Literal["auto", "int8", "fp32"] = "auto"
    threads: int = Field(default=1, ge=1)
    max_megapixels: float = Field(default=25.0, gt=0, le=178)
    decode_seconds: float = Field(default=2.0, gt=0)
    max_instances: int = Field(default=32, ge=1)
    top_k: int = Field(default=5, ge=1)
    prediction_log: Annotated[str, AfterValidator(_share)] = "off"
    prediction_log_bytes: int = Field(default=50_000_000, ge=1)
    prediction_log_files: int = Field(default=10, ge=1)
    prediction_log_folder: str = ""
    harvest: Literal["off", "on"] = "off"
    harvest_margin: float = Field(default=0.2, gt=0, le=1)
    harvest_files: int = Field(default=2000, ge=2)
    harvest_bytes: int = Field(default=500_000_000, ge=2)
    harvest_folder: str = ""

    @property
    def prediction_share(self) -> float:
        """The share of the requests that are logged, 0 to 1."""
        return _SHARES[self.prediction_log] if self.prediction_log in _SHARES else float(self.prediction_log)

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
            settings = load(cls, named, f"environment variables {PREFIX}*")
        except ValueError as error:
            # A RuntimeError, so that TorchServe reports a failed load instead of crashing the worker.
            raise ArchiveError(str(error)) from None
        for name, is_on, folder in (
            ("PREDICTION_LOG", settings.prediction_share > 0, settings.prediction_log_folder),
            ("HARVEST", settings.harvest == "on", settings.harvest_folder),
        ):
            if is_on and not folder:
                raise ArchiveError(f"{PREFIX}{name} needs a folder for its files; set {PREFIX}{name}_FOLDER.")
        return settings
