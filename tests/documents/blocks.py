"""The commands that documents show, and what comments right before a block say of it.

A block of `sh` or `python` is run as it stands by `make test-documents`, in the order of the document, in a copy of the
checkout with a running server (world.py says what there is), and has to end with status 0. A block of `json` right
after it is the shape of what it prints. Comments on the lines right before a block say otherwise:

    <!-- not run here: needs docker; tests/image/test_steps.py runs the same steps -->
        Why not, and which test or committed result shows it. Each path in it has to exist.
    <!-- run by tests/integration/test_loop.py -->
        Too slow here, or with too many conditions. That test calls each verb of the block, with each of its options;
        several files are joined by `and`.
    <!-- stays in the foreground -->
        Run beside the blocks that follow, to the end of the document, where Ctrl-C ends it.
    <!-- first: cp photos/cat/1.jpg cat.jpg -->
        Run before the block, unseen by the reader.

Other languages of a shell (`bash`, `console`) are not used, so that nothing is missed.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from scripts.serving.places import REPOSITORY

RUNNABLE = ("sh", "python")
"""Languages of the blocks that are commands."""
MISSED = ("bash", "shell", "console", "zsh", "shell-session", "py")
"""Languages that would be commands too, under another name."""
_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<language>\S*)")
_COMMENT = re.compile(r" *<!-- (?P<text>.*?) -->")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        document: from the repository's root.
        line: of its fence, from 1.
        language: as the fence names it; empty where it names none.
        text: without the fences, and the indentation of a list taken away.
        remarks: the comments right before it, in order.
    """

    document: Path
    line: int
    language: str
    text: str
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    def remark(self, beginning: str) -> str | None:
        """Return what a comment says after `beginning`; None where there is no such comment."""
        said = (text.removeprefix(beginning).strip() for text in self.remarks if text.startswith(beginning))
        return next(said, None)

    @property
    def is_command(self) -> bool:
        """Whether a reader would type it."""
        return self.language in RUNNABLE

    @property
    def is_run(self) -> bool:
        """Whether `make test-documents` runs it."""
        return self.is_command and self.remark(NOT_RUN) is None and self.remark(RUN_BY) is None


NOT_RUN, RUN_BY, STAYS, FIRST = "not run here:", "run by ", "stays in the foreground", "first:"
"""What comments begin with."""


def documents() -> list[Path]:
    """Return the documents whose commands are tried, from the repository's root."""
    patterns = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md", "client/*.md", "models/**/README.md")
    return sorted(path.relative_to(REPOSITORY) for pattern in patterns for path in REPOSITORY.glob(pattern))


def read(document: Path) -> list[Block]:
    """Return the fenced blocks of a document, in order."""
    return parse(document, (REPOSITORY / document).read_text())


def parse(document: Path, text: str) -> list[Block]:
    """Return the fenced blocks of `text`, which is the content of `document`, in order."""
    found: list[Block] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        closing = fence["indent"] + fence["ticks"]
        end = next((n for n in range(at + 1, len(lines)) if lines[n].rstrip() == closing), len(lines))
        content = dedent("\n".join(lines[at + 1 : end])) + "\n"
        found.append(Block(document, at + 1, fence["language"], content, _remarks(lines, at)))
        at = end + 1
    return found


def _remarks(lines: list[str], fence: int) -> tuple[str, ...]:
    said: list[str] = []
    for line in reversed(lines[:fence]):
        comment = _COMMENT.fullmatch(line.rstrip())
        if comment is None:
            break
        said.insert(0, comment["text"])
    return tuple(said)
