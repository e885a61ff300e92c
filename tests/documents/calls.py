"""Which verbs a block calls, and which ones a test does."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.serving.places import REPOSITORY

_VERB = re.compile(r"-m ((?:scripts|load_tests|benchmarks)\.[\w.]+)((?:[^\n&|;]|\\\n)*)")
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")


@dataclass(frozen=True)
class Call:
    """One verb of a block.

    Attributes:
        verb: the module after `scripts.`.
        options: that it is given.
    """

    verb: str
    options: frozenset[str]

    def __str__(self) -> str:
        return " ".join([self.verb, *sorted(self.options)])


def of_block(text: str) -> list[Call]:
    """Return the verbs that a block of `sh` calls, those behind make's targets too."""
    called = re.sub(r"#.*", "", text).replace("\\\n", " ")
    expanded = "\n".join(_behind_make(command) for command in re.split(r"&&|;|\n", called))
    return [
        Call(verb.removeprefix("scripts."), frozenset(_OPTION.findall(words)))
        for verb, words in _VERB.findall(expanded)
    ]


def missing(calls: list[Call], tests: list[Path]) -> list[str]:
    """Return which calls none of `tests` makes.

    One that does has a text that begins with the verb, and all of its options; for a verb of a cluster it is in
    tests/kubernetes, where the verbs go by their last name.
    """
    words = {test: set(_words(test)) for test in tests}
    return [str(call) for call in calls if not any(_makes(call, test, said) for test, said in words.items())]


def _makes(call: Call, test: Path, said: set[str]) -> bool:
    names = {call.verb, f"scripts.{call.verb}"}
    if call.verb.startswith("kubernetes.") and test.parent.name == "kubernetes":
        names.add(call.verb.removeprefix("kubernetes."))
    return bool(names & said) and call.options <= said


def _behind_make(command: str) -> str:
    """Return what make would do for a command that calls it; the command itself otherwise."""
    found = re.search(r"\bmake ([a-z].*)", command)
    if found is None:
        return command
    # By a shell, which knows what a quoted SPLIT is; nothing is run, and nothing is made anew first.
    argv = f"make --no-print-directory --dry-run --old-file=.venv/.ready ARCHIVES= BENCH_READY= {found[1]}"
    done = subprocess.run(["sh", "-c", argv], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    text = done.stdout.replace("\\\n", " ")
    # Makefile's own default, which a reader does not type.
    return text if "MODEL=" in command else text.replace("--model", "")


def _words(test: Path, seen: set[Path] | None = None) -> Iterator[str]:
    """Give the first word and the options of every string in a test, and in the modules of tests/ that it imports."""
    seen = set() if seen is None else seen
    seen.add(test)
    for node in ast.walk(ast.parse(test.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (*node.value.split(maxsplit=1)[:1], *_OPTION.findall(node.value))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests"):
            folder = REPOSITORY / node.module.replace(".", "/")
            for path in (folder.with_suffix(".py"), *(folder / f"{name.name}.py" for name in node.names)):
                if path.is_file() and path not in seen:
                    yield from _words(path, seen)
