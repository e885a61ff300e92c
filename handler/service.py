"""A batch of requests → a reply to each: the whole product without the server."""

import io
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from handler import arithmetic, explanation
from handler.engine import Engine
from handler.errors import ArchiveError, InternalError, NoExplanations, OutOfMemory, RequestError
from handler.metadata import Metadata
from handler.request import Prepared, Request, prepare
from handler.responses import Reply, answer, rank, refuse
from handler.settings import Settings

logger = logging.getLogger(__name__)

Outcome = Prepared | RequestError | Reply
Logits = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class BatchReport:
    """What a batch cost.

    Attributes:
        requests: in the batch.
        bad: of these, answered with an error.
        images: that went through the network.
        preprocess_s: reading bodies, decoding and scaling, seconds.
        inference_s: seconds.
        outcomes: each request, what became of it (a Reply where it asked for no prediction), and the logits of its
            images, float32 [classes] each.
    """

    requests: int
    bad: int
    images: int
    preprocess_s: float
    inference_s: float
    outcomes: Sequence[tuple[Request, Outcome, Logits]] = field(repr=False)


class Service:
    """One verified archive, loaded."""

    def __init__(self, metadata: Metadata, engine: Engine, settings: Settings) -> None:
        self.metadata = metadata
        self.engine = engine
        self.settings = settings

    @classmethod
    def load(cls, folder: Path, settings: Settings) -> "Service":
        """Return the service of the archive unpacked in `folder`, verified and warmed up.

        Raises:
            ArchiveError: a file of the archive is missing or was changed, or it can't answer here.
        """
        metadata = Metadata.load_verified(folder)
        capabilities = torch.cpu.get_capabilities()
        unmeasured = metadata.gate.get("unmeasured", {})
        chosen = arithmetic.choose(metadata.graphs, settings.arithmetic, capabilities, unmeasured)
        if caution := arithmetic.caution(chosen, capabilities, unmeasured):
            logger.warning(caution)
        engine = Engine.load(folder / metadata.graphs[chosen], chosen, settings.threads)
        service = cls(metadata, engine, settings)
        service._warm_up()
        return service

    def _warm_up(self) -> None:
        """Answer a good, a bad and an explained request, so that no client waits for first-time imports and plans.

        Raises:
            ArchiveError: this process can't answer them.
        """
        side = self.metadata.preprocessing.resize + 1  # One pixel more, or nothing would be scaled.
        picture = io.BytesIO()
        Image.new("RGB", (side, side)).save(picture, "PNG")
        good, bad = Request({"body": picture.getvalue()}, {}), Request({"body": b"no image"}, {})
        batches = [[good, bad], [good, good]]
        if self.engine.explains:
            batches.append([Request(good.row, {"explain": "True"})])
        for batch in batches:
            replies, _ = self.reply_all(batch)
            if any(reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR for reply in replies):
                raise ArchiveError("the warm-up request failed; the lines above say why.")

    def describe(self) -> dict[str, Any]:
        """Return what runs here, for the management API."""
        metadata = self.metadata
        return {
            "name": metadata.name,
            "version": metadata.version,
            "precision": metadata.precision,
            "arithmetic": self.engine.arithmetic,
            "instructions": arithmetic.instructions(self.engine.arithmetic, torch.cpu.get_capabilities()),
            "threads": self.settings.threads,
            "labels": metadata.labels,
            "license": metadata.license,
            "digest": metadata.digest,
        }

    def reply_all(self, requests: Sequence[Request]) -> tuple[list[Reply], BatchReport]:
        """Return a reply to each request, in order, and what the batch cost.

        A bad request gets its own error; the others are answered as if it had not been there.
        """
        started = time.perf_counter()
        outcomes = [self._or_refuse(request, partial(self._prepare, request)) for request in requests]
        ready = time.perf_counter()
        seen = sum(len(outcome.images) for outcome in outcomes if isinstance(outcome, Prepared))
        outcomes = [
            self._or_refuse(request, partial(explanation.reply, outcome, outcome.wanted, self.engine, self.metadata))
            if isinstance(outcome, Prepared) and outcome.wanted
            else outcome
            for request, outcome in zip(requests, outcomes, strict=True)
        ]
        images = [image for outcome in outcomes if isinstance(outcome, Prepared) for image in outcome.images]
        # One row per image; split again below in the same order.
        rows = iter(self.engine.logits(np.stack(images)) if images else ())
        done = time.perf_counter()
        logits = [[next(rows) for _ in outcome.images] if isinstance(outcome, Prepared) else [] for outcome in outcomes]
        replies = [self._reply(outcome, scores) for outcome, scores in zip(outcomes, logits, strict=True)]
        bad = sum(reply.status >= HTTPStatus.BAD_REQUEST for reply in replies)
        became = list(zip(requests, outcomes, logits, strict=True))
        return replies, BatchReport(len(requests), bad, seen, ready - started, done - ready, became)

    def _prepare(self, request: Request) -> Outcome:
        # TorchServe marks single rows, so one asking for a description may share a batch with predictions.
        if request.headers.get("describe") == "True":
            return Reply(HTTPStatus.OK, json.dumps(self.describe()).encode())
        if request.explains and not self.engine.explains:
            raise NoExplanations("this archive answers predictions only; use /predictions.")
        return prepare(request, self.metadata, self.settings)

    def _or_refuse(self, request: Request, work: Callable[[], Outcome]) -> Outcome:
        try:
            return work()
        except RequestError as error:
            # Without the frames that it came through: they hold the image, decoded as far as that went, and the error
            # itself, so that only a full garbage collection would free them.
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        except MemoryError:
            return OutOfMemory("the server is short of memory for this request; try again.")
        except Exception:
            # Whatever it is, it is one row's: raised further it would fail the whole batch.
            logger.exception("request %s failed", request.server_id)
            return InternalError("the server failed to handle this request; its log says why.")

    def _reply(self, outcome: Outcome, logits: Logits) -> Reply:
        if isinstance(outcome, Reply):
            return outcome
        if isinstance(outcome, RequestError):
            return refuse(outcome)
        ranked = [rank(row, self.metadata.labels, outcome.top_k) for row in logits]
        predictions = ranked if outcome.instances else ranked[0]
        return answer(self.metadata.name, self.metadata.version, outcome.request_id, predictions=predictions)
