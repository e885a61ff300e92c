"""Until when somebody waits for a request's answer, as the edge says."""

import re
import time

from handler.errors import DeadlineExceeded

# The edge sets it, and overwrites what comes from outside: ms since 1970 at which the whole request was there, "+", and
# the ms that it waits from then on.
HEADER = "x-request-deadline"
_FORM = re.compile(r"(\d{1,15})\+(\d{1,9})", re.ASCII)
# No queue is so long that a request comes out of it this much too late: the clock was set, and its caller waits.
_BELIEVED_S = 600.0


def check(header: str | None) -> None:
    """Return while somebody waits; a request without a deadline, or with one that can't be read, is always waited for.

    Raises:
        DeadlineExceeded: nobody does any more.
    """
    match = _FORM.fullmatch(header or "")
    if match is None:
        return
    late_s = time.time() - (int(match[1]) + int(match[2])) / 1000
    if 0 < late_s < _BELIEVED_S:
        raise DeadlineExceeded(f"its time was up {late_s:.1f} s before it could be worked on; it was not.")
