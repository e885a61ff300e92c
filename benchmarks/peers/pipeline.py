"""The usual pipeline: Pillow decodes, scales the shorter side and crops; numpy normalises; ONNX Runtime runs it."""

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
# The product's own: a lone request waits for it.
BATCH_DELAY_MS = 1
WORKERS = 2


class Classifier:
    """The product's weights without the product."""

    def __init__(self) -> None:
        """Load the graph $BENCH_GRAPH, with labels and preprocessing of the archive unpacked in $BENCH_ARCHIVE."""
        metadata = json.loads(Path(os.environ["BENCH_ARCHIVE"], "model.json").read_text())
        self.labels: list[str] = metadata["labels"]
        self.resize: int = metadata["preprocessing"]["resize"]
        self.crop: int = metadata["preprocessing"]["crop"]
        # Of 0 to 255, so that numpy goes over the pixels twice and not three times.
        self._mean = 255 * np.array(metadata["preprocessing"]["mean"], np.float32)
        self._scale = 1 / (255 * np.array(metadata["preprocessing"]["std"], np.float32))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # as many processes as cores
        graph = os.environ["BENCH_GRAPH"]
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def pixels(self, body: bytes) -> NDArray[np.float32]:
        """Return float32 [3, crop, crop], RGB, normalised."""
        image = Image.open(io.BytesIO(body)).convert("RGB")
        scale = self.resize / min(image.size)
        width, height = round(image.width * scale), round(image.height * scale)
        left, top = (width - self.crop) // 2, (height - self.crop) // 2
        scaled = image.resize((width, height), Image.Resampling.BILINEAR)
        square = np.asarray(scaled.crop((left, top, left + self.crop, top + self.crop)), np.float32)
        return ((square - self._mean) * self._scale).transpose(2, 0, 1)

    def rank(self, images: NDArray[np.float32]) -> list[dict[str, Any]]:
        """Return the classes of each image, most probable first."""
        logits = self._session.run(["logits"], {"input": images})[0]
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
