"""`notes.md`: what a person says of a model; the card includes it and never writes it."""

from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "notes.md"
_TRIED, _COMPARED = "what was tried", "several models side by side"


@dataclass(frozen=True)
class Notes:
    """Markdown as it was written; empty where there is none.

    Attributes:
        tried: about the goals, from the heading `## What was tried …` on.
        compared: about the study's tables; what stands under `## Several models side by side`, without that heading,
            which the card has.
        others: every other section.
    """

    tried: str
    compared: str
    others: str


def read_notes(folder: Path) -> Notes:
    """Return the notes of the model in `folder`."""
    path = folder / FILE_NAME
    lines: dict[str, list[str]] = {_TRIED: [], _COMPARED: [], "": []}
    here, fenced = "", False
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            title = line[3:].strip().casefold()
            here = next((start for start in (_TRIED, _COMPARED) if title.startswith(start)), "")
            if here == _COMPARED:
                continue
        lines[here].append(line)
    tried, compared, others = ("\n".join(lines[part]).strip() for part in (_TRIED, _COMPARED, ""))
    return Notes(tried, compared, others)
