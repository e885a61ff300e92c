"""What can go wrong, as a tree.

MobileNetV3Error          any of these: `code`, `status`, `request_id`
├── UnreadableSource      what was given holds no bytes of an image here; nothing was sent
├── Unreachable           no answer: refused, reset, no such host, a certificate that is not trusted
├── DeadlineExceeded      no answer in time, by this side's clock or (408, 504) by the server's
├── UnexpectedAnswer      an answer that is not this server's
└── Refused               the server says why there is no prediction
    ├── InvalidImage      the image; another one may be fine
    ├── InvalidRequest    what was asked of it: top_k, class, …
    ├── Unauthorized      no key, or none that is known
    ├── NotFound          no such model, version or path
    ├── TryLater          nothing was done: ask again after `retry_after_s`
    │   ├── Overloaded    more is asked than can be answered, by everybody or with this key
    │   └── Unavailable   no worker is there just now
    └── ServerError       a defect of the server
"""

from __future__ import annotations


class MobileNetV3Error(Exception):
    """There is no answer to this question; `str()` says why in one line.

    Attributes:
        message: the reason, without code and request.
        code: the server's (its README lists them), or one of this side's: `unreadable_source`, `unreachable`,
            `deadline_exceeded`, `unexpected_answer`.
        status: of HTTP; None: there was no answer.
        request_id: by which the server's logs name the request; None: there was no answer.
        again: whether the same question may be answered a moment later.
    """

    code = "error"
    again = False

    def __init__(
        self, message: str, *, code: str | None = None, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        where = "" if self.status is None else f" ({self.status})"
        request = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.code}{where}: {self.message}{request}"


class UnreadableSource(MobileNetV3Error):
    """No bytes of an image could be had from what was given."""

    code = "unreadable_source"


class Unreachable(MobileNetV3Error):
    """Nothing answers there."""

    code = "unreachable"

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class DeadlineExceeded(MobileNetV3Error):
    """The answer would come too late."""

    code = "deadline_exceeded"


class UnexpectedAnswer(MobileNetV3Error):
    """Whoever answers is not this server, or another release of it."""

    code = "unexpected_answer"


class Refused(MobileNetV3Error):
    """The server answers with a reason instead of a prediction."""


class InvalidImage(Refused):
    """The server can't or won't read this image."""


class InvalidRequest(Refused):
    """The server can't or won't do what was asked about the image."""


class Unauthorized(Refused):
    """The server asks for a key that it knows."""


class NotFound(Refused):
    """The server has no such model, version or path."""


class TryLater(Refused):
    """Nothing was done, for a reason that passes.

    Attributes:
        retry_after_s: how long the server asks to wait; None: it does not say.
    """

    again = True
    retry_after_s: float | None = None


class Overloaded(TryLater):
    """There is no place for one more request."""


class Unavailable(TryLater):
    """There is nobody who could answer."""


class ServerError(Refused):
    """The server failed at this request."""
