"""The client: questions about images, and their answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from mobilenet_v3_client import many, parsing, sources
from mobilenet_v3_client.answers import Explanation, Health, Outcome, Prediction
from mobilenet_v3_client.asking import Asking, Options
from mobilenet_v3_client.connection import Sessions
from mobilenet_v3_client.errors import MobileNetV3Error, TryLater
from mobilenet_v3_client.retries import Retries
from mobilenet_v3_client.sources import ImageSource
from mobilenet_v3_client.transport import Question

Source = TypeVar("Source", bound=ImageSource)

DEFAULT_URL = "http://127.0.0.1:8000"


class Client:
    """Asks one server about images of one model. Threads may share it. Connections are kept open.

    Args:
        url: of the edge; a path before /predictions is part of it.
        model: the name it is served under.
        api_key: `<name>.<secret>`; None: what API_KEY holds in the environment, if anything.
        timeout_s: of one try. The edge gives up after 30 s as shipped, and says so.
        deadline_s: of all tries and waits of one image together; None: none.
        retries: how often and how soon it is asked again.
        verify: as of `requests`: whether the server's certificate is checked, or the file of who signed it.
        certificate: a file with the server's own certificate, which alone is trusted then, whatever name it has.

    Raises:
        ValueError: the address, the key or a certificate's file can't be one.
    """

    def __init__(  # noqa: PLR0913  (what a connection is made of)
        self,
        url: str = DEFAULT_URL,
        model: str = "mobilenet_v3",
        *,
        api_key: str | None = None,
        timeout_s: float = 35.0,
        deadline_s: float | None = 60.0,
        retries: Retries = Retries(),  # noqa: B008  (frozen)
        verify: bool | str | os.PathLike[str] = True,
        certificate: str | os.PathLike[str] | None = None,
    ) -> None:
        key = os.environ.get("API_KEY") if api_key is None else api_key
        sessions = Sessions(url, api_key=key, verify=verify, certificate=certificate)
        self._asking = Asking(sessions, model, timeout_s, deadline_s, retries)

    def __repr__(self) -> str:
        return f"Client({self.url!r}, {self._asking.model!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Of the edge."""
        return self._asking.sessions.url

    def close(self) -> None:
        """Close the connections; each later question opens one for itself."""
        self._asking.sessions.close()

    def predict(
        self,
        image: ImageSource,
        *,
        version: str | None = None,
        user: str | None = None,
        top_k: int | None = None,
        deadline_s: float | None = None,
    ) -> Prediction:
        """Return what the model sees in one image.

        Args:
            image: a path, the bytes of an encoded image, a file opened with 'rb', or an image of Pillow.
            version: asked, whatever the split says; None: the one that the split gives.
            user: any text; the same one always meets the same version.
            top_k: how many classes are named; None: as many as the server is set to.
            deadline_s: another one than the client's.

        Raises:
            MobileNetV3Error: there is no answer; errors.py has the tree.
        """
        return self._asking.predict(image, Options(version, user, top_k, deadline_s))

    def predict_many(  # noqa: PLR0913  (as of predict)
        self,
        images: Iterable[Source],
        *,
        concurrency: int = 8,
        ordered: bool = True,
        version: str | None = None,
        user: str | None = None,
        top_k: int | None = None,
        deadline_s: float | None = None,
    ) -> Iterator[Outcome[Source]]:
        """Return what became of each image, with its own error where there is one; nothing fails the others.

        Images are taken from the iterator as there is room: at most `2 * concurrency` are held at once.

        Args:
            images: each as `predict` takes it.
            concurrency: questions under way at once.
            ordered: False: as they are answered, so that none waits for a slower one before it.
            version: as of `predict`.
            user: as of `predict`.
            top_k: as of `predict`.
            deadline_s: of each image.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency={concurrency}: at least 1.")
        options = Options(version, user, top_k, deadline_s)

        def outcome(numbered: tuple[int, Source]) -> Outcome[Source]:
            index, source = numbered
            try:
                return Outcome(index, source, self._asking.predict(source, options), None)
            except MobileNetV3Error as error:
                return Outcome(index, source, None, error)

        run = many.in_order if ordered else many.as_done
        return run(outcome, enumerate(images), concurrency)

    def predict_folder(  # noqa: PLR0913  (as of predict_many)
        self,
        folder: str | os.PathLike[str],
        *,
        concurrency: int = 8,
        ordered: bool = True,
        version: str | None = None,
        user: str | None = None,
        top_k: int | None = None,
        deadline_s: float | None = None,
    ) -> Iterator[Outcome[Path]]:
        """Return what became of each image file in a folder and the folders in it, by name; else as `predict_many`.

        Raises:
            UnreadableSource: it is no folder that can be read.
        """
        return self.predict_many(
            sources.images(folder),
            concurrency=concurrency,
            ordered=ordered,
            version=version,
            user=user,
            top_k=top_k,
            deadline_s=deadline_s,
        )

    def explain(
        self,
        image: ImageSource,
        *,
        class_: str | int | None = None,
        version: str | None = None,
        user: str | None = None,
        deadline_s: float | None = None,
    ) -> bytes:
        """Return a PNG: the image, and over it where the evidence for a class lies.

        Args:
            image: as of `predict`.
            class_: its label or index; None: the most probable one.
            version: as of `predict`.
            user: as of `predict`.
            deadline_s: as of `predict`.
        """
        return parsing.png(self._asking.explain(image, class_, "png", Options(version, user, None, deadline_s)))

    def explain_map(
        self,
        image: ImageSource,
        *,
        class_: str | int | None = None,
        version: str | None = None,
        user: str | None = None,
        deadline_s: float | None = None,
    ) -> Explanation:
        """Return the same as numbers; the arguments are those of `explain`."""
        return parsing.explanation(self._asking.explain(image, class_, "map", Options(version, user, None, deadline_s)))

    def health(self) -> Health:
        """Return whether every version that has traffic has a worker; asked once.

        Raises:
            Unreachable: nothing answers.
        """
        try:
            self._asking.once(Question("GET", "/healthz", {}, {}))
        except TryLater as error:
            return Health(False, error.code)
        return Health(True, "ok")
