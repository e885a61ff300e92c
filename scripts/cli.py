"""How every verb ends: a result, one sentence of error, or an interrupt."""

import errno
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from scripts.errors import UserError

# Of whoever has the disk, and no defect of ours: full, over a quota or a limit, read-only, another user's.
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


def run(command: Callable[..., Any]) -> None:
    """Run `command` as a command-line program and exit.

    Exit status: 0 done; 1 a `UserError` (or the status that it has), or a disk that can't be written, printed as one
    sentence; 2 wrong usage; 130 interrupted (Typer's own); 143 a SIGTERM, at which everything that was started ends as
    it does at Ctrl-C.
    """
    signal.signal(signal.SIGTERM, _terminated)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app(standalone_mode=True)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except OSError as error:
        # Where no folder for temporary files takes one, tempfile says that one is not to be found.
        if error.errno not in _OF_THE_DISK and "temporary directory" not in str(error.strerror):
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror}; make room, or set a folder that can be written.", file=sys.stderr)
        sys.exit(1)


def _terminated(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
