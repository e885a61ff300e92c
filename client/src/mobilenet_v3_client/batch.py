"""The verb `predict`: files and folders in, a line each out, and an end that keeps what was done."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mobilenet_v3_client import sources
from mobilenet_v3_client.answers import Outcome
from mobilenet_v3_client.client import Client
from mobilenet_v3_client.errors import MobileNetV3Error, NotFound, Unauthorized, Unreachable, UnreadableSource
from mobilenet_v3_client.output import Format
from mobilenet_v3_client.progress import Progress

# Whatever else there is to ask would be told the same.
_OF_ALL = (Unauthorized, NotFound, Unreachable)


class _End:
    """Why no more images are taken; both None: they are."""

    def __init__(self) -> None:
        self.error: MobileNetV3Error | None = None
        self.interrupted = False

    def __bool__(self) -> bool:
        return self.interrupted or self.error is not None


def predict(client: Client, words: Sequence[str], form: Format, **options: Any) -> int:
    """Print what the model sees in each image that `words` name; return the exit status.

    Args:
        client: of the server.
        words: files, folders, or `-`: an image on standard input.
        form: of what is printed.
        options: as of Client.predict_many.

    Raises:
        MobileNetV3Error: a folder can't be read, before anything is asked; or nothing can be answered, after what was.
        KeyboardInterrupt: after a Ctrl-C, when what was under way is printed; at once after a second one.
    """
    images = _images(words)
    progress = Progress(sum(1 for _ in _images(words)) if sys.stderr.isatty() else 0)
    if form.header:
        print(form.header, flush=True)
    with _ended_by_ctrl_c() as end:
        for outcome in client.predict_many(itertools.takewhile(lambda _: not end, images), **options):
            progress.erase()
            if isinstance(outcome.error, _OF_ALL):
                end.error = end.error or outcome.error
            _print(outcome, form, known=end.error is not None)
            progress.count(outcome.error is not None)
    progress.erase()
    if progress.done != 1:
        answered = progress.done - progress.failed
        print(f"{answered} answered, {progress.failed} failed, {progress.seconds:.1f} s", file=sys.stderr)
    if end.interrupted:
        raise KeyboardInterrupt
    if end.error:
        raise end.error
    return 1 if progress.failed or not progress.done else 0


def _images(words: Sequence[str]) -> Iterator[Any]:
    """Return a source for each image; raises UnreadableSource for a folder that can't be read."""
    each = [sources.images(word) if os.path.isdir(word) else [word] for word in words]
    return (sys.stdin.buffer if source == "-" else source for source in itertools.chain.from_iterable(each))


def _print(outcome: Outcome[Any], form: Format, known: bool) -> None:
    """Print one outcome; `known`: its error, where nothing goes to standard output, is one that is said at the end."""
    is_file = isinstance(outcome.source, (str, os.PathLike))
    # A file's name may be no text at all.
    name = os.fsencode(outcome.source).decode("utf-8", "backslashreplace") if is_file else "-"
    line = form.line(name, outcome)
    if line is not None:
        print(line, flush=True)
    elif not known:
        is_named = isinstance(outcome.error, UnreadableSource) and is_file
        print(f"error: {outcome.error}" if is_named else f"error: {name}: {outcome.error}", file=sys.stderr)


@contextmanager
def _ended_by_ctrl_c() -> Iterator[_End]:
    """Let the first Ctrl-C of a block end the taking of images, and the second one the block."""
    end = _End()

    def interrupt(number: int, frame: object) -> None:
        if end.interrupted:
            raise KeyboardInterrupt
        end.interrupted = True
        print("\nending with what is under way; Ctrl-C again leaves at once", file=sys.stderr)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield end
    finally:
        signal.signal(signal.SIGINT, before)
