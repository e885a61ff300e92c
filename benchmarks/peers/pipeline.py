"""The usual pipeline: Pillow decodes, scales the shorter side and crops; ONNX Runtime runs the archive's graph.

The graph takes uint8 and normalises by itself, which spares the peers numpy's normalise and transpose (1.4 ms).
"""

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

BATCH = 8
BATCH_DELAY_MS = 5
WORKERS = 2


class Classifier:
    """The product's weights in the product's arithmetic, without the product."""

    def __init__(self) -> None:
        """Load the archive unpacked in $BENCH_ARCHIVE, in the arithmetic $BENCH_ARITHMETIC."""
        folder = Path(os.environ["BENCH_ARCHIVE"])
        arithmetic = os.environ["BENCH_ARITHMETIC"]
        metadata = json.loads((folder / "model.json").read_text())
        self.labels: list[str] = metadata["labels"]
        self.resize: int = metadata["preprocessing"]["resize"]
        self.crop: int = metadata["preprocessing"]["crop"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # as many processes as cores
        if arithmetic == "fp32":
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        graph = str(folder / metadata["graphs"][arithmetic])
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def pixels(self, body: bytes) -> NDArray[np.uint8]:
        """Return uint8 [crop, crop, 3], RGB."""
        image = Image.open(io.BytesIO(body)).convert("RGB")
        scale = self.resize / min(image.size)
        width, height = round(image.width * scale), round(image.height * scale)
        left, top = (width - self.crop) // 2, (height - self.crop) // 2
        scaled = image.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(scaled.crop((left, top, left + self.crop, top + self.crop)))

    def rank(self, images: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Return the classes of each image, most probable first."""
        logits = self._session.run(["logits"], {"images": images})[0]
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return [
            {
                "predictions": [
                    {"label": self.labels[index], "probability": float(row[index])} for index in np.argsort(-row)
                ]
            }
            for row in probabilities
        ]

    def classify(self, body: bytes) -> dict[str, Any]:
        """Return the classes of one encoded image."""
        return self.rank(self.pixels(body)[np.newaxis])[0]
