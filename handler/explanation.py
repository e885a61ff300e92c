"""The answer to a request for an explanation: Grad-CAM of one class (Selvaraju et al. 2017, arXiv:1610.02391)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler import overlay
from handler.engine import Engine
from handler.metadata import Metadata
from handler.request import Prepared
from handler.responses import DECIMALS, Reply, answer, softmax
from handler.wanted import Wanted


def reply(prepared: Prepared, wanted: Wanted, engine: Engine, metadata: Metadata) -> Reply:
    """Return the maps of a request's images as a picture or as numbers.

    Args:
        prepared: its request.
        wanted: of it; of several images, not as a picture.
        engine: one that explains.
        metadata: of the archive.
    """
    found = [engine.explain(image, wanted.index) for image in prepared.images]
    if wanted.format == "png":
        weights, _ = _scaled(found[0][1])
        return Reply(HTTPStatus.OK, overlay.png(prepared.images[0], weights), "image/png")
    said = [
        _as_json(logits, weights, wanted.index, metadata.labels) | {"region": _rounded(region)}
        for (logits, weights), region in zip(found, prepared.regions, strict=True)
    ]
    explanation = said if prepared.instances else said[0]
    return answer(metadata.name, metadata.version, prepared.request_id, explanation=explanation)


def _scaled(weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return a map divided by its maximum, and that; it stays 0 where nothing speaks for the class."""
    peak = float(weights.max())
    return (weights / peak if peak > 0 else weights), peak


def _rounded(region: Mapping[str, float]) -> dict[str, float]:
    return {side: round(share, DECIMALS) for side, share in region.items()}


def _as_json(
    logits: NDArray[np.float32], weights: NDArray[np.float32], wanted: int | None, labels: tuple[str, ...]
) -> dict[str, Any]:
    index = int(logits.argmax()) if wanted is None else wanted
    scaled, peak = _scaled(weights)
    return {
        "label": labels[index],
        "index": index,
        "probability": round(float(softmax(logits)[index]), DECIMALS),
        "method": "grad-cam",
        "map": [[round(float(weight), DECIMALS) for weight in row] for row in scaled],
        "peak": round(peak, DECIMALS),
    }
