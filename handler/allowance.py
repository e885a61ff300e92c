"""How much of a processor one request's images may take, and a file that ends when it is used up."""

import io
import math
import time

from handler.errors import DecodingTooSlow

_SMALL, _SMALL_READS = 1024, 256


class Allowance:
    """CPU seconds of this thread, from now on."""

    def __init__(self, seconds: float = math.inf) -> None:
        """Begin to count; without `seconds` there is no end."""
        self._seconds = seconds
        self._end = time.thread_time() + seconds

    def check(self) -> None:
        """Raise DecodingTooSlow where it is used up."""
        if time.thread_time() > self._end:
            raise DecodingTooSlow(
                f"decoding took more than {self._seconds:g} s of a processor; "
                "send a smaller image, or one that an ordinary program has saved."
            )


class MeteredFile(io.BytesIO):
    """A file in memory that looks at the allowance whenever a decoder reads on.

    Pillow's parsers and decoders read piece by piece, so that a file can't keep one of them for longer than a piece.
    """

    def __init__(self, encoded: bytes, allowance: Allowance) -> None:
        super().__init__(encoded)
        self._allowance = allowance
        self._small_reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            DecodingTooSlow: the allowance is used up.
        """
        # A header is read by dozens of small pieces, and looking at the clock takes longer than each of them.
        self._small_reads += 1
        if not 0 <= (size or -1) <= _SMALL or self._small_reads % _SMALL_READS == 0:
            self._allowance.check()
        return super().read(size)
