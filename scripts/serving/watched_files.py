"""Files that a running Envoy watches: replaced by rename, seen to be taken, put back where one is refused."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving import processes
from scripts.serving.envoy_admin import Admin, Taken
from scripts.signals import uninterrupted

# Envoy takes a file within milliseconds of its rename; a busy machine gets time.
_TAKEN_WITHIN_S = 10.0
# The hashes of keys are among them.
_PRIVATE = 0o600
_LOG_TEXT = re.compile(r"^\[[^]]*\]\[\d+\]\[(warning|error|critical)\]\[\w+\] \[[^]]*\] (?P<text>.*)")


@dataclass(frozen=True)
class WatchedFiles:
    """The files of one Envoy, by their names without the ending.

    Attributes:
        folder: where they are.
        log: what Envoy prints.
        admin: Envoy's admin interface.
    """

    folder: Path
    log: Path
    admin: Admin

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self.folder / f"{name}.yaml"

    def write(self, name: str, text: str) -> None:
        """Put `text` in a file's place, for this user's eyes alone, whatever Envoy makes of it."""
        replace_file(self.path(name), text, _PRIVATE)

    @contextmanager
    def or_as_before(self, names: Sequence[str]) -> Iterator[Mapping[str, Taken]]:
        """Give what Envoy has taken to a block that replaces files; one that fails leaves them as they were."""
        before = {name: self.path(name).read_text() for name in names}
        try:
            yield self.admin.taken()
        except BaseException:
            with uninterrupted():
                self._put_back(before)
            raise

    def _put_back(self, before: Mapping[str, str]) -> None:
        if not self.admin.answers():
            # An Envoy that is started again begins with what is in its files.
            for name, text in before.items():
                self.write(name, text)
            return
        taken = self.admin.taken()
        for name, text in reversed(list(before.items())):
            self.replace(name, text, taken[name])

    def replace(self, name: str, text: str, taken: Taken) -> None:
        """Make `text` a file's content, where Envoy has `taken` another one; return when it has taken this one.

        Raises:
            UserError: it refuses it, with its reason.
        """
        path = self.path(name)
        # A command that was killed may have left a file that Envoy refuses.
        if path.read_text() == text and taken.version == _version_of(text):
            return
        log_size = self.log.stat().st_size if self.log.is_file() else 0
        self.write(name, text)
        self._wait(name, _version_of(text), taken.refusals, log_from=log_size)

    def wait_taken(self, name: str, check: Callable[[], None]) -> None:
        """Return when a starting Envoy has taken a file; `check` is called again and again.

        Raises:
            UserError: it refuses it, with its reason.
        """
        self._wait(name, _version_of(self.path(name).read_text()), refusals=0, check=check)

    def _wait(
        self, name: str, version: str, refusals: int, log_from: int = 0, check: Callable[[], None] = lambda: None
    ) -> None:
        def done() -> bool:
            check()
            taken = self.admin.taken()[name]
            if taken.refusals > refusals:
                reason = self._reason(log_from)
                raise UserError(f"Envoy refuses {self.path(name)}: {reason}; what was in effect stays.")
            return taken.version == version

        if not processes.wait_until(done, _TAKEN_WITHIN_S, pause_s=0.02):
            raise UserError(f"Envoy has not taken {self.path(name)} within {_TAKEN_WITHIN_S:.0f} s; see {self.log}.")

    def _reason(self, log_from: int) -> str:
        def last() -> str | None:
            with self.log.open(errors="replace") as stream:
                stream.seek(log_from)
                matches = [match for line in stream if (match := _LOG_TEXT.match(line))]
            return matches[-1]["text"].rstrip(".") if matches else None

        # The statistics change a moment before the line is written.
        processes.wait_until(last, 2.0)
        return last() or f"see {self.log}"


def _version_of(text: str) -> str:
    match = re.search(r'version_info: "(\w+)"', text)
    assert match is not None, "a template without version_info"
    return match[1]
