"""What a document leads to: links, pictures, and the headings that links end at."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from scripts.serving.places import REPOSITORY

_PATTERNS = ("*.md", "docs/**/*.md", "client/*.md", "models/**/*.md", "model_store/*.md", "benchmarks/results/*.md")
_ELSEWHERE = re.compile(r"[a-z]+:")


def documents() -> list[Path]:
    """Return every document of the repository, from its root."""
    return sorted(path.relative_to(REPOSITORY) for pattern in _PATTERNS for path in REPOSITORY.glob(pattern))


def targets(document: Path) -> list[str]:
    """Return where the links and pictures of a document lead within the repository, as they are written."""
    tokens = (child for token in _parsed(document) for child in token.children or ())
    found = (str(token.attrGet("href") or token.attrGet("src") or "") for token in tokens)
    return [target for target in found if target and not _ELSEWHERE.match(target)]


def broken(document: Path, target: str) -> str | None:
    """Return what is wrong with a target; None where it leads somewhere."""
    name, _, anchor = unquote(target).partition("#")
    path = (REPOSITORY / document).parent / name if name else REPOSITORY / document
    if not path.exists():
        return f"{target}: no such file"
    if not anchor:
        return None
    within = path.resolve().relative_to(REPOSITORY)
    return None if anchor in anchors(within) else f"{target}: no such heading"


@cache
def anchors(document: Path) -> frozenset[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    tokens = _parsed(document)
    titles = [_text(after) for token, after in pairwise(tokens) if token.type == "heading_open"]
    return frozenset(_slugs(titles))


def _slugs(titles: list[str]) -> Iterator[str]:
    """Give each title in lower case, spaces as hyphens, without other signs; equal ones are numbered."""
    seen: Counter[str] = Counter()
    for title in titles:
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1


def _text(token: Token) -> str:
    return "".join(child.content for child in token.children or () if child.type in {"text", "code_inline"})


@cache
def _parsed(document: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((REPOSITORY / document).read_text())
