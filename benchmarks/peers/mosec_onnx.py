"""mosec: its Rust front end, two worker processes, dynamic batches of eight; Pillow and ONNX Runtime."""

from typing import Any

import numpy as np
from mosec import Server, Worker
from numpy.typing import NDArray

from benchmarks.peers.pipeline import BATCH, BATCH_DELAY_MS, WORKERS, Classifier


class Inference(Worker):
    """bytes → pixels, one by one; a list of pixels → a list of answers."""

    def __init__(self) -> None:
        """Load the model, in the worker's process."""
        self.classifier = Classifier()

    def deserialize(self, data: bytes) -> NDArray[np.float32]:
        """Decode one body."""
        return self.classifier.pixels(data)

    def forward(self, data: list[NDArray[np.float32]]) -> list[dict[str, Any]]:
        """Classify a batch."""
        return self.classifier.rank(np.stack(data))


if __name__ == "__main__":
    server = Server()
    server.append_worker(Inference, num=WORKERS, max_batch_size=BATCH, max_wait_time=BATCH_DELAY_MS)
    server.run()
