"""What the peers run is the same network, made the usual way."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from benchmarks import usual_graph
from benchmarks.peers.pipeline import Classifier
from benchmarks.usual_graph import UsualGraph
from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.weights import load_network


@pytest.fixture(scope="module")
def spec() -> Spec:
    return Spec.load(MODELS / "elpv")


@pytest.fixture(scope="module")
def usual(spec: Spec, tmp_path_factory: pytest.TempPathFactory) -> UsualGraph:
    return usual_graph.build(spec, tmp_path_factory.mktemp("usual"))


def test_the_faster_one_of_both_is_taken(usual: UsualGraph) -> None:
    assert set(usual.ms) == {"float32", "int8"}
    assert usual.ms[usual.precision] == min(usual.ms.values())
    assert usual.precision in usual.path.name


def test_its_logits_are_the_networks(spec: Spec, usual: UsualGraph) -> None:
    images = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(usual.path.with_name("usual_float32.onnx")))
    [logits] = session.run(["logits"], {usual_graph.INPUT: images})
    with torch.no_grad():
        expected = load_network(spec, None)(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)


def test_a_peer_gives_the_products_label_to_a_clear_image(
    usual: UsualGraph, int8_folder: Path, cells: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_ARCHIVE", str(int8_folder))
    monkeypatch.setenv("BENCH_GRAPH", str(usual.path))
    peer, service = Classifier(), Service.load(int8_folder, Settings())
    replies, _ = service.reply_all([Request({"body": cell}, {}) for cell in cells])
    ours = [json.loads(reply.body)["predictions"][0] for reply in replies]
    clear = [(cell, found["label"]) for cell, found in zip(cells, ours, strict=True) if found["probability"] > 0.8]
    assert len(clear) > 1
    assert [peer.classify(cell)["predictions"][0]["label"] for cell, _ in clear] == [label for _, label in clear]
