"""A pickle that runs code when it is read, in every place where one could be put: it is refused, and never runs."""

import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from handler.engine import Engine
from handler.errors import ArchiveError
from scripts.errors import UserError
from scripts.pipeline.network import build_network, load_checkpoint, read_header
from scripts.pipeline.training.packed import pack
from scripts.serving.places import REPOSITORY
from tests.scripts.pipeline.planted import FORMATS, Planted, of_numpy, of_torch, plain, refused
from tests.scripts.pipeline.training.conftest import PREPROCESSING
from tests.scripts.pipeline.training.test_packed import sample


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(tmp_path / "ran")


@FORMATS
def test_it_runs_where_it_is_unpickled(
    planted: Planted, tmp_path: Path, write: Callable[[Planted, Path], None]
) -> None:
    """Otherwise the others would show nothing."""
    write(planted, tmp_path / "file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if write is of_numpy:
            np.load(tmp_path / "file", allow_pickle=True)
        elif write is plain:
            pickle.loads((tmp_path / "file").read_bytes())
        else:
            torch.load(tmp_path / "file", weights_only=False)
    assert planted._ran.exists()


@FORMATS
@pytest.mark.parametrize("name", ["checkpoint.safetensors", "checkpoint.pt", "checkpoint.pth"])
def test_as_a_checkpoint(planted: Planted, tmp_path: Path, name: str, write: Callable[[Planted, Path], None]) -> None:
    path = tmp_path / name
    write(planted, path)
    network = build_network("mobilenet_v3_small", 2)
    for read in (lambda: load_checkpoint(path, network), lambda: read_header(path)):
        assert str(path) in refused(planted, UserError, read)


@FORMATS
def test_as_pixels_that_training_has_kept(
    planted: Planted, tmp_path: Path, write: Callable[[Planted, Path], None]
) -> None:
    path = tmp_path / "train.npy"
    pack([sample(10)], PREPROCESSING, path, iter)
    write(planted, path)
    assert str(path) in refused(planted, UserError, lambda: pack([sample(10)], PREPROCESSING, path, iter))


@FORMATS
def test_as_the_graph_of_an_archive(planted: Planted, tmp_path: Path, write: Callable[[Planted, Path], None]) -> None:
    write(planted, tmp_path / "model.onnx")
    sentence = refused(planted, ArchiveError, lambda: Engine.load(tmp_path / "model.onnx", "fp32", 1))
    assert sentence.startswith("model.onnx: ONNX Runtime can't load it")


def test_make_archive_refuses_it_in_one_sentence_before_anything_is_built(planted: Planted, tmp_path: Path) -> None:
    checkpoint, store = tmp_path / "evil.safetensors", tmp_path / "store"
    of_torch(planted, checkpoint)
    words = ("--version", "9.9", "--precision", "float32", "--checkpoint", str(checkpoint))
    done = subprocess.run(
        [sys.executable, "-m", "scripts.archive", *words],
        cwd=REPOSITORY,
        env=os.environ | {"MODEL_STORE": str(store)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {checkpoint}: ")
    assert done.stderr.count("\n") == 1
    assert not planted._ran.exists()
    assert not store.exists()


def test_no_file_of_an_archive_is_a_pickle(int8_archive: Path, float32_archive: Path) -> None:
    for archive in (int8_archive, float32_archive):
        with zipfile.ZipFile(archive) as packed:
            assert {Path(name).suffix for name in packed.namelist()} == {".py", ".json", ".txt", ".onnx"}
            assert not [name for name in packed.namelist() if packed.read(name)[:1] == b"\x80"]
