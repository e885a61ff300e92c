"""The network: images in, logits and maps out."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from handler.errors import ArchiveError
from handler.metadata import Arithmetic

# Images in one run of the network. Every activation of a run is in memory at once, and those of more images leave a
# core's own cache.
MAX_BATCH = 2


class Engine:
    """One ONNX graph in one inference session."""

    def __init__(self, session: onnxruntime.InferenceSession, arithmetic: Arithmetic) -> None:
        self._session = session
        self.arithmetic = arithmetic

    @classmethod
    def load(cls, graph: Path, arithmetic: Arithmetic, threads: int) -> "Engine":
        """Return the engine for the ONNX file `graph`, computing with `threads` threads.

        Raises:
            ArchiveError: it is no ONNX file, or none that ONNX Runtime can compute.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Errors only: it warns of inputs that may be left out.
        options.log_severity_level = 3
        if arithmetic == "fp32":
            # Lets constant folding turn int8 weights into float32 once, at load; otherwise ONNX Runtime keeps
            # DequantizeLinear for its int8 kernels and computes it again for every image.
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's have no class in common but this one.
            raise ArchiveError(f"{graph.name}: ONNX Runtime can't load it: {error}") from error
        return cls(session, arithmetic)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [batch, classes].

        Args:
            images: uint8 [batch, 3, crop, crop], RGB, 0 to 255; batch at least 1.
        """
        chunks = [images[start : start + MAX_BATCH] for start in range(0, len(images), MAX_BATCH)]
        outputs = [self._session.run(["logits"], {"images": chunk})[0] for chunk in chunks]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    @property
    def explains(self) -> bool:
        """Whether the graph gives maps."""
        return any(output.name == "map" for output in self._session.get_outputs())

    def explain(self, image: NDArray[np.uint8], index: int | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return float32 logits [classes] and the Grad-CAM map of one class, float32 [rows, columns], at least 0.

        To be asked only where it `explains`.

        Args:
            image: uint8 [3, crop, crop], RGB, 0 to 255.
            index: of the class; None: that of the largest logit.
        """
        chosen = np.array([-1 if index is None else index], np.int64)
        inputs = {"images": image[np.newaxis], "class_index": chosen}
        logits, found = self._session.run(["logits", "map"], inputs)
        return logits[0], found[0]
