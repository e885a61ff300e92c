"""A Dockerfile's instructions; one that is not known here is an error, not passed over."""

import json
import re
import shlex
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_KNOWN = {
    *("ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV"),
    *("USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"),
}
_FLAGS = {"COPY": {"from", "chmod"}, "HEALTHCHECK": {"start-period", "interval", "timeout"}}
_FLAG = re.compile(r"--(?P<name>[a-z-]+)=(?P<value>\S+)\s+")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        name: in capitals.
        text: what follows, lines joined, flags taken off.
        flags: `--name=value`.
    """

    name: str
    text: str
    flags: Mapping[str, str] = field(default_factory=dict)

    def exec_form(self) -> list[str]:
        """Return the words of a command in exec form, the only one allowed where no shell may come between."""
        words = json.loads(self.text.removeprefix("CMD "))
        if not isinstance(words, list):
            raise ValueError(f"{self.name} {self.text}: write it as a JSON list")
        return [str(word) for word in words]

    def pairs(self) -> list[tuple[str, str]]:
        """Return the `name=value` of an ENV or ARG; an ARG without a default has an empty one."""
        return [(name, value) for name, _, value in (word.partition("=") for word in shlex.split(self.text))]


@dataclass(frozen=True)
class Stage:
    """One stage: its name, what it begins from (`${VARIABLES}` as written), and what is done to that."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True)
class Dockerfile:
    """The stages in order, and the arguments of before the first."""

    arguments: Mapping[str, str]
    stages: list[Stage]


def read(text: str) -> Dockerfile:
    """Return what a Dockerfile says.

    Raises:
        ValueError: an instruction or one of its flags is not known here.
    """
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in map(_instruction, _logical_lines(text)):
        if instruction.name == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            stages.append(Stage(name or str(len(stages)), base))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.name == "ARG":
            arguments |= instruction.pairs()
        else:
            raise ValueError(f"{instruction.name} before the first FROM")
    return Dockerfile(arguments, stages)


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with its `$NAME` and `${NAME}` replaced; one that has no value is an error."""
    return string.Template(text).substitute(values)


def _logical_lines(text: str) -> Iterator[str]:
    parts: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts.append(line.strip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            yield " ".join(parts)
            parts = []
    if parts:
        raise ValueError(f"the last line goes on: {parts[-1]}")


def _instruction(line: str) -> Instruction:
    name, _, text = line.partition(" ")
    if name not in _KNOWN:
        raise ValueError(f"{name} is not known here: {line}")
    flags = {}
    while match := _FLAG.match(text):
        if match["name"] not in _FLAGS.get(name, ()):
            raise ValueError(f"--{match['name']} of {name} is not known here: {line}")
        flags[match["name"]] = match["value"]
        text = text[match.end() :]
    return Instruction(name, text, flags)
