"""Files that a reader sees old or new, never half written."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Put `text` in the place of `path` by rename: a reader sees the old file or the new one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(path)
