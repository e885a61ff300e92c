"""From an image and what is asked about it to the answer, with all that holds for every question."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from mobilenet_v3_client import parsing, sources, transport
from mobilenet_v3_client.answers import Prediction
from mobilenet_v3_client.connection import Sessions
from mobilenet_v3_client.retries import Deadline, Retries
from mobilenet_v3_client.sources import ImageSource
from mobilenet_v3_client.transport import Answer, Question


@dataclass(frozen=True)
class Options:
    """What a caller may want of one question; None is the server's or the client's own.

    Attributes:
        version: asked, whatever the split says.
        user: who always meets the same version.
        top_k: how many classes are named.
        deadline_s: of all tries together.

    Raises:
        ValueError: the user can't be one.
    """

    version: str | None = None
    user: str | None = None
    top_k: int | None = None
    deadline_s: float | None = None

    def __post_init__(self) -> None:
        # What stands around a header's value is no part of it: at the server it would be another user, or none.
        if self.user is not None and not (self.user.isprintable() and self.user == self.user.strip()):
            raise ValueError(f"user={self.user!r}: a text without line breaks, and without blanks around it.")


@dataclass(frozen=True)
class Asking:
    """How questions are asked.

    Attributes:
        sessions: to the server.
        model: the name it is served under.
        timeout_s: of one try.
        deadline_s: of all tries and waits of one question together; None: none.
        retries: how often and how soon it is asked again.
    """

    sessions: Sessions = field(repr=False)
    model: str
    timeout_s: float
    deadline_s: float | None
    retries: Retries

    def predict(self, image: ImageSource, options: Options) -> Prediction:
        """Return what the model sees in an image; raises MobileNetV3Error."""
        query = {} if options.top_k is None else {"top_k": str(options.top_k)}
        answer, tries = self._about(image, "predictions", query, options)
        return replace(parsing.prediction(answer), tries=tries)

    def explain(self, image: ImageSource, class_: str | int | None, form: str, options: Options) -> Answer:
        """Return an explanation as it came, a `png` or a `map`; raises MobileNetV3Error."""
        query = {"format": form} | ({} if class_ is None else {"class": str(class_)})
        return self._about(image, "explanations", query, options)[0]

    def once(self, question: Question) -> Answer:
        """Return the answer to one question, asked once; raises MobileNetV3Error."""
        return transport.ask(self.sessions, question, self.timeout_s)

    def _about(self, image: ImageSource, what: str, query: dict[str, str], options: Options) -> tuple[Answer, int]:
        deadline = Deadline.after(self.deadline_s if options.deadline_s is None else options.deadline_s)
        names = [what, self.model] + ([] if options.version is None else [options.version])
        path = "".join(f"/{quote(name, safe='')}" for name in names)
        question = Question("POST", path, query, _headers(options.user), sources.read(image))
        return self.retries.call(
            lambda left_s: transport.ask(self.sessions, question, min(self.timeout_s, left_s)), deadline
        )


def _headers(user: str | None) -> dict[str, Any]:
    # As a command line would send it; in latin-1, which is what http.client makes of text, not every name can be said.
    named = {} if user is None else {"x-user-id": user.encode()}
    return {"content-type": "application/octet-stream", **named}
