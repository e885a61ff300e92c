"""`notes.md`: what a person says of a model; the card includes it and never writes it."""

from pathlib import Path

FILE_NAME = "notes.md"
_ABOUT_GOALS = "what was tried"


def read_notes(folder: Path) -> tuple[str, str]:
    """Return the notes as they are: those about the goals (`## What was tried …`), and all the others before them.

    Each is empty where there is none.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return "", ""
    tried: list[str] = []
    others: list[str] = []
    here = fenced = False
    for line in path.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            here = line[3:].strip().casefold().startswith(_ABOUT_GOALS)
        (tried if here else others).append(line)
    return "\n".join(tried).strip(), "\n".join(others).strip()
