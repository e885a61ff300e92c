"""Builds the stock handler's archive: python -m benchmarks.peers.stock.build <checkpoint> <labels> <model store>."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent


def main(checkpoint: Path, labels: list[str], store: Path) -> None:
    """Write stock.mar to `store`: the checkpoint as float32, eager."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = {
            key: value.float() if value.is_floating_point() else value for key, value in load_file(checkpoint).items()
        }
        torch.save(weights, folder / "weights.pt")
        (folder / "index_to_name.json").write_text(
            json.dumps({str(index): label for index, label in enumerate(labels)})
        )
        command: list[str | Path] = [
            Path(sys.executable).with_name("torch-model-archiver"),
            *("--model-name", "stock", "--version", "1.0", "--export-path", store, "--force"),
            *("--model-file", HERE / "model.py", "--handler", HERE / "handler.py"),
            *("--serialized-file", folder / "weights.pt", "--extra-files", folder / "index_to_name.json"),
        ]
        # The archiver stages in $TMPDIR/<model name> and deletes what is there.
        subprocess.run(command, env={**os.environ, "TMPDIR": name}, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2].split(","), Path(sys.argv[3]))
