"""Why a worker does not come up, from what it printed."""

import re
from pathlib import Path

# "2026-11-22T17:05:17,702 [WARN ] W-9001-mobilenet_v3_2.0-stderr MODEL_LOG - text"
_LINE = re.compile(r"\S+ \[\w+ *\] W-\d+-(?P<worker>\S+?)(-stdout|-stderr) \S+ - (?P<text>.*)")
# The last line of a Python traceback: an exception's dotted name and what it says.
_EXCEPTION = re.compile(r"(\w+\.)*\w*(Error|Exception|SystemExit|KeyboardInterrupt)(: .*)?$")
# What TorchServe's worker raises because the model did not load: "RuntimeError: 500 - Unknown exception".
_AFTERMATH = re.compile(r"RuntimeError: \d{3} - ")


class Failures:
    """What a version's workers print from now on."""

    def __init__(self, log: Path, model: str, version: str) -> None:
        """Begin at the present end of `log`, so that an earlier failure of the version does not count."""
        self._log = log
        self._worker = f"{model}_{version}"
        self._offset = log.stat().st_size if log.is_file() else 0

    def look(self) -> str | None:
        """Return the cause of a worker's end in one line, or None while there is none."""
        if not self._log.is_file():
            return None
        with self._log.open(errors="replace") as stream:
            stream.seek(self._offset)
            return cause(stream.read().splitlines(), self._worker)


def cause(lines: list[str], worker: str) -> str | None:
    """Return the last exception in `lines` of `worker` (`<model>_<version>`), or None."""
    texts = [match["text"].strip() for match in map(_LINE.match, lines) if match and match["worker"] == worker]
    exceptions = [match for match in map(_EXCEPTION.match, texts) if match and not _AFTERMATH.match(match[0])]
    return exceptions[-1][0].rstrip(".") if exceptions else None
