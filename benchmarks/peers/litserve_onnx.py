"""LitServe: two worker processes, dynamic batches of eight, its ZeroMQ queue; Pillow and ONNX Runtime."""

import argparse
from typing import Annotated, Any

import litserve
import numpy as np
from fastapi import Body
from numpy.typing import NDArray

from benchmarks.peers.pipeline import BATCH, BATCH_DELAY_MS, WORKERS, Classifier

# LitServe reads a plain `Request` as JSON; this is FastAPI's way to say that the body is bytes.
Image = Annotated[bytes, Body(media_type="application/octet-stream")]


class Cells(litserve.LitAPI):
    """bytes → pixels, one by one; a batch of pixels → a list of answers."""

    def setup(self, device: str) -> None:
        """Load the model, in the worker's process."""
        self.classifier = Classifier()

    def decode_request(self, request: Image) -> NDArray[np.float32]:
        """Decode one body."""
        return self.classifier.pixels(request)

    def batch(self, inputs: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Join a batch."""
        return np.stack(inputs)

    def predict(self, x: NDArray[np.float32]) -> list[dict[str, Any]]:
        """Classify a batch."""
        return self.classifier.rank(x)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Separate the answers."""
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """Return one answer as it is."""
        return output


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    api = Cells(max_batch_size=BATCH, batch_timeout=BATCH_DELAY_MS / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=WORKERS, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=parser.parse_args().port,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
