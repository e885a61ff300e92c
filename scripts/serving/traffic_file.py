"""traffic.yaml as a text: parsed, and rewritten without losing a comment."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from scripts.errors import UserError

NewShadow = Mapping[str, Any] | Literal["keep"] | None
"""Its keys; None: there shall be none; `keep`: the one that there is."""


def text(path: Path) -> str:
    """Return the content of traffic.yaml.

    Raises:
        UserError: there is none, or it is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no UTF-8; save the file as UTF-8.") from None
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; restore it from the repository or set TRAFFIC.") from None


def document(content: str, path: Path) -> CommentedMap:
    """Return the keys in `content`, which is or shall be that of `path`.

    Raises:
        UserError: it is no YAML, with the line, or has no keys.
    """
    try:
        found = _yaml().load(content)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = str(getattr(error, "problem", error)).splitlines()[0]
        raise UserError(f"{path}: no valid YAML{line}: {problem}.") from None
    if not isinstance(found, CommentedMap):
        raise UserError(f"{path}: it must hold keys like `split:`.")
    return found


def rewrite(path: Path, *, split: Mapping[str, int] | None = None, shadow: NewShadow = "keep") -> str:
    """Return the text of `path` with another split or shadow, comments and order kept; nothing is written.

    A version of the file that `split` leaves out gets 0: its place decides which users meet it when it comes back.
    """
    found = document(text(path), path)
    if split is not None:
        weights = found["split"]
        for version in weights:
            weights[version] = split.get(version, 0)
        for version in [version for version in split if version not in weights]:
            _append(weights, DoubleQuotedScalarString(version), split[version])
    if shadow != "keep":
        found["shadow"] = shadow and _flow_map(shadow)
    return _dumped(found)


def without(path: Path, version: str) -> str:
    """Return the text of `path` without a version of its split, every comment kept but its own; nothing is written."""
    content = text(path)
    weights = document(content, path)["split"]
    if version not in weights:
        return content
    lines = content.splitlines(keepends=True)
    at = weights.lc.key(version)[0]
    if not weights.fa.flow_style() and weights.lc.value(version)[0] == at:
        # By its line: ruamel hangs the lines between two keys on the first one, and they would go with it.
        return "".join([*lines[:at], *lines[at + 1 :]])
    found = document(content, path)
    del found["split"][version]
    return _dumped(found)


def _dumped(found: CommentedMap) -> str:
    stream = io.StringIO()
    _yaml().dump(found, stream)
    return stream.getvalue()


def _append(mapping: CommentedMap, key: str, value: int) -> None:
    """Add a last key; ruamel hangs the lines that follow a mapping on its last key, and they go on following it."""
    last = next(reversed(mapping))
    mapping[key] = value
    if last in mapping.ca.items:
        mapping.ca.items[key] = mapping.ca.items.pop(last)


def _flow_map(shadow: Mapping[str, Any]) -> CommentedMap:
    # On one line, for the same reason: a block would come after the comment that follows `shadow: null`.
    mapping = CommentedMap(version=DoubleQuotedScalarString(shadow["version"]), percent=shadow["percent"])
    mapping.fa.set_flow_style()
    return mapping


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    # Written out: an empty value reads like something forgotten.
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml
