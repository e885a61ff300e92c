"""traffic.yaml: who answers how much; read strictly, rewritten without losing a comment."""

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from handler.strict import StrictModel, load
from scripts.errors import UserError

TOTAL = 100
# These become parts of paths, cluster names and header values.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEADER = re.compile(r"[a-z0-9][a-z0-9-]*")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("use letters, digits, `.`, `_` and `-` only")
    return value


Name = Annotated[str, AfterValidator(_name)]


class Shadow(StrictModel):
    """A version that gets copies of requests; its answers are thrown away."""

    version: Name
    percent: int = Field(default=100, ge=1, le=100)


class Edge(StrictModel):
    """Where the edge listens and what it lets through; a change needs a restart."""

    address: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    threads: int = Field(default=1, ge=1)
    max_body_bytes: int = Field(default=6_000_000, ge=1)
    timeout_s: int = Field(default=30, ge=1)


class Traffic(StrictModel):
    """What traffic.yaml says.

    Attributes:
        model: the served name.
        split: percent by version, in the file's order; 0 keeps a version ready without giving it any.
        sticky_header: requests with the same value of it meet the same version; None: each is drawn anew.
    """

    model: Name
    split: dict[Name, int] = Field(min_length=1)
    sticky_header: str | None = None
    shadow: Shadow | None = None
    edge: Edge = Edge()

    @field_validator("split")
    @classmethod
    def _adds_up(cls, split: dict[str, int]) -> dict[str, int]:
        for version, weight in split.items():
            if weight < 0:
                raise ValueError(f'"{version}" has {weight}; weights are 0 to {TOTAL}')
        if sum(split.values()) != TOTAL:
            raise ValueError(f"the weights add up to {sum(split.values())}; make it {TOTAL}")
        return split

    @field_validator("sticky_header")
    @classmethod
    def _header(cls, header: str | None) -> str | None:
        if header is not None and not _HEADER.fullmatch(header):
            raise ValueError("a header's name is lower-case letters, digits and `-`")
        return header

    @property
    def versions(self) -> list[str]:
        """The versions that must be registered: those of the split, in order, and the shadow's."""
        shadow = [self.shadow.version] if self.shadow and self.shadow.version not in self.split else []
        return [*self.split, *shadow]

    @property
    def default(self) -> str:
        """The version that TorchServe's own default is set to: the first of those with the greatest weight."""
        return max(self.split, key=lambda version: self.split[version])


def read(path: Path) -> Traffic:
    """Return the traffic that `path` describes.

    Raises:
        UserError: one sentence that names the file, the key and a fix.
    """
    return parse(_text(path), path)


def parse(text: str, path: Path) -> Traffic:
    """Return the traffic that `text` describes, which is or shall be the content of `path`; raises as `read` does."""
    document = _document(text, path)
    _require_quoted(path, document)
    try:
        return load(Traffic, document, str(path))
    except ValueError as error:
        raise UserError(str(error)) from None


def rewrite(
    path: Path, *, split: Mapping[str, int] | None = None, shadow: Shadow | Literal["keep"] | None = "keep"
) -> str:
    """Return the text of `path` with another split or shadow, comments and order kept; nothing is written.

    A version of the file that `split` leaves out gets 0: its place decides which users meet it when it comes back.
    """
    document = _document(_text(path), path)
    if split is not None:
        weights = document["split"]
        for version in weights:
            weights[version] = split.get(version, 0)
        for version in [version for version in split if version not in weights]:
            _append(weights, DoubleQuotedScalarString(version), split[version])
    if shadow != "keep":
        document["shadow"] = shadow and _flow_map(shadow)
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def write(path: Path, text: str) -> None:
    """Put `text` in the place of `path` by rename: a reader sees the old file or the new one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(path)


def _append(mapping: CommentedMap, key: str, value: int) -> None:
    """Add a last key; ruamel hangs the lines that follow a mapping on its last key, and they go on following it."""
    last = next(reversed(mapping))
    mapping[key] = value
    if last in mapping.ca.items:
        mapping.ca.items[key] = mapping.ca.items.pop(last)


def _flow_map(shadow: Shadow) -> CommentedMap:
    # On one line, for the same reason: a block would come after the comment that follows `shadow: null`.
    mapping = CommentedMap(version=DoubleQuotedScalarString(shadow.version), percent=shadow.percent)
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


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; restore it from the repository or set TRAFFIC.") from None


def _document(text: str, path: Path) -> CommentedMap:
    try:
        document = _yaml().load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = str(getattr(error, "problem", error)).splitlines()[0]
        raise UserError(f"{path}: no valid YAML{line}: {problem}.") from None
    if not isinstance(document, CommentedMap):
        raise UserError(f"{path}: it must hold keys like `model:` and `split:`.")
    return document


def _require_quoted(path: Path, document: Mapping[str, Any]) -> None:
    split = document.get("split")
    shadow = document.get("shadow")
    keys = list(split) if isinstance(split, Mapping) else []
    keys += [shadow.get("version")] if isinstance(shadow, Mapping) else []
    for key in keys:
        if key is not None and not isinstance(key, str):
            raise UserError(f'{path}: the version {key} is read as a number; write it as a name, in quotes: "{key}".')
