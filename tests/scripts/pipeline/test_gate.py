import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from handler.engine import Engine
from scripts.errors import UserError
from scripts.pipeline.answers import Answers
from scripts.pipeline.gate import REFERENCE, examine, judge, unmeasurable
from scripts.pipeline.images import Labelled
from scripts.pipeline.latency import Latency
from scripts.pipeline.measured import Measured
from scripts.pipeline.metrics import Truth
from scripts.pipeline.network import build_network, save_checkpoint
from scripts.pipeline.paired import Paired
from scripts.pipeline.report import verdict_text
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.spec_gate import Gate
from scripts.pipeline.version import Refused, build_version, export_graphs, graph_names, pass_gate

THRESHOLDS = Gate(min_accuracy=0.8, max_drop=0.05, min_agreement=0.9)
LABELS = np.array([0] * 50 + [1] * 50)
NAMES = ("functional", "defective")


def with_errors(count: int, start: int = 0) -> np.ndarray:
    classes = LABELS.copy()
    classes[start : start + count] = 1 - classes[start : start + count]
    return classes


def measured(classes: np.ndarray, reference: np.ndarray | None = None, confidence: float = 0.9) -> Measured:
    probabilities = np.full((len(LABELS), 2), 1 - confidence)
    probabilities[np.arange(len(LABELS)), classes] = confidence
    truth = Truth(LABELS, np.array(["mono", "poly"] * 50), NAMES)
    found = Measured.of(Answers(classes, probabilities), truth, "fp32", "avx2")
    return found if reference is None else replace(found, paired=Paired.of(reference, classes, LABELS))


def both(float32: np.ndarray, int8: np.ndarray) -> dict[str, Measured]:
    return {REFERENCE: measured(float32), "int8 arithmetic": measured(int8, float32)}


def failures(graphs: dict[str, Measured], **thresholds: float) -> tuple[str, ...]:
    return judge(graphs, {}, THRESHOLDS.model_copy(update=thresholds)).failures


def test_figures_within_the_thresholds_pass_and_are_kept_as_evidence() -> None:
    verdict = judge(both(with_errors(10), with_errors(12)), {}, THRESHOLDS)
    assert verdict.passed
    evidence = json.loads(json.dumps(verdict.evidence()))
    assert (evidence["passed"], evidence["part"], evidence["images"]) == (True, "test", 100)
    assert evidence["thresholds"] == THRESHOLDS.model_dump()
    int8 = evidence["measured"]["int8 arithmetic"]
    assert (int8["arithmetic"], int8["instructions"], int8["accuracy"]) == ("fp32", "avx2", 0.88)
    assert int8["recall"]["defective"]["share"] == 1
    paired = int8["paired"]
    assert (paired["drop"], paired["lost"], paired["won"], paired["mcnemar_p"]) == (0.02, 2, 0, 0.5)
    assert paired["drop_95"][0] < 0 < paired["drop"] < paired["drop_95"][1]
    assert paired["agreement_95"][0] < paired["agreement"] == 0.98
    assert int8["groups"].keys() == {"mono", "poly"}
    assert "paired" not in evidence["measured"][REFERENCE]


def test_a_float_model_below_the_accuracy_fails_with_its_figure() -> None:
    assert failures({REFERENCE: measured(with_errors(30))}) == ("float32: accuracy 70.00% misses min_accuracy 80.00%",)


def test_each_graph_is_judged_by_itself() -> None:
    graphs = both(with_errors(10), with_errors(20)) | {"fp32 arithmetic": measured(with_errors(10), with_errors(10))}
    assert failures(graphs) == ("int8 arithmetic: drop 10.00% misses max_drop 5.00%",)


def test_the_same_accuracy_on_other_images_fails_by_agreement() -> None:
    graphs = both(with_errors(10), with_errors(10, start=90))
    assert failures(graphs) == ("int8 arithmetic: agreement 80.00% misses min_agreement 90.00%",)


def test_a_label_that_is_missed_fails_by_recall_though_accuracy_is_high() -> None:
    graphs = {REFERENCE: measured(with_errors(15))}
    assert failures(graphs, min_recall=0.75) == ("float32: recall of functional 70.00% misses min_recall 75.00%",)
    assert failures(graphs, min_recall=0.7) == ()


def test_a_label_without_test_images_fails_where_recall_is_gated() -> None:
    truth = Truth(LABELS, np.full(100, ""), (*NAMES, "broken", "wet"))
    answers = Answers(LABELS, np.eye(4)[LABELS])
    graphs = {REFERENCE: Measured.of(answers, truth, "fp32", "avx2")}
    assert failures(graphs, min_recall=0.0) == (
        "no test image has the label 'broken' (and 1 more), so min_recall 0.00% can't be judged; "
        "add images of it and deal them out, or take min_recall out",
    )
    assert failures(graphs) == ()


def test_confidence_that_is_not_deserved_fails_by_calibration_error() -> None:
    graphs = {REFERENCE: measured(with_errors(15), confidence=1.0)}
    assert failures(graphs, max_calibration_error=0.1) == (
        "float32: calibration error 15.00% misses max_calibration_error 10.00%",
    )
    assert failures(graphs, max_calibration_error=0.15) == ()


def test_a_slow_graph_fails_at_the_batch_at_which_it_is_slow() -> None:
    graphs = both(with_errors(10), with_errors(10))
    latency = {1: Latency(3.0, 1.2, (1.1, 1.3)), 8: Latency(2.0, 1.8, (1.7, 1.9))}
    graphs["int8 arithmetic"] = replace(graphs["int8 arithmetic"], latency=latency)
    assert failures(graphs, max_latency_ratio=1.5) == (
        "int8 arithmetic: latency ratio at batch 8 1.80 misses max_latency_ratio 1.50",
    )
    verdict = judge(graphs, {}, THRESHOLDS)
    assert verdict.record()["measured"]["int8 arithmetic"]["latency"]["8"] == {
        "ms_per_image": 2.0,
        "ratio": 1.8,
        "ratio_quartiles": [1.7, 1.9],
    }
    # Not into the archive, whose bytes have to come out the same again.
    assert "latency" not in verdict.evidence()["measured"]["int8 arithmetic"]


def test_what_the_cpu_can_not_run_is_declared_unmeasured() -> None:
    without, with_it = {"avx2": True, "avx512_vnni": False}, {"avx512_vnni": True}
    assert unmeasurable(["int8", "fp32"], with_it) == unmeasurable([], without) == {}
    unmeasured = unmeasurable(["int8", "fp32"], without)
    verdict = judge({REFERENCE: measured(LABELS), "fp32 arithmetic": measured(LABELS, LABELS)}, unmeasured, THRESHOLDS)
    assert verdict.passed
    assert "avx512_vnni" in verdict.evidence()["unmeasured"]["int8"]
    assert "int8 arithmetic: unmeasured: the gate's CPU has none of" in verdict_text(verdict)


def test_the_report_sets_each_threshold_beside_its_figure() -> None:
    verdict = judge(both(with_errors(10), with_errors(12)), {}, THRESHOLDS.model_copy(update={"min_recall": 0.5}))
    text = " ".join(verdict_text(verdict).split())
    assert "float32: 100 images, computed in fp32 arithmetic (avx2)" in text
    assert "accuracy 88.00% (80.19% to 93.00%) of 100 [min_accuracy 80.00%]" in text
    assert "recall functional 76.00% (62.59% to 85.70%) of 50 [min_recall 50.00%]" in text
    assert "[max_drop 5.00%] McNemar p = 0.5: 2 lost, 0 won" in text


def test_real_graphs_are_examined_on_the_same_images(float32_folder: Path, int8_folder: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 224, 224), dtype=np.uint8)
    held_out = Labelled(images, np.array([0, 1] * 6), np.full(12, ""))
    engines = {
        REFERENCE: Engine.load(float32_folder / "model_float32.onnx", "fp32", threads=1),
        "fp32 arithmetic": Engine.load(int8_folder / "model_int8_weights.onnx", "fp32", threads=1),
    }
    capabilities: dict[str, Any] = {"avx2": True}
    logits = {graph: engine.logits(images) for graph, engine in engines.items()}
    found = examine(engines, logits, held_out, NAMES, capabilities)
    assert found[REFERENCE].paired is None
    paired = found["fp32 arithmetic"].paired
    assert paired is not None
    assert paired.images == 12
    assert found["fp32 arithmetic"].instructions == "avx2"
    assert all(0.2 < latency.ratio < 5 for latency in found["fp32 arithmetic"].latency.values())


@pytest.fixture
def nan_graphs(float32_folder: Path, tmp_path: Path) -> Path:
    """The graphs of a version whose weights overflowed: whatever the image, the last bias makes every logit NaN."""
    model = onnx.load(float32_folder / "model_float32.onnx")
    bias = next(tensor for tensor in model.graph.initializer if list(tensor.dims) == [len(NAMES)])
    bias.CopyFrom(onnx.numpy_helper.from_array(np.full(len(NAMES), np.nan, np.float32), bias.name))
    for graph in (*graph_names("float32").values(), *graph_names("int8").values()):
        onnx.save(model, tmp_path / graph)
    return tmp_path


IMAGES = np.zeros((4, 3, 224, 224), np.uint8)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("model", ["elpv", "imagenet"])
def test_answers_that_are_not_finite_fail_both_gates(model, precision, nan_graphs, monkeypatch) -> None:
    held_out = Labelled(IMAGES, np.array([0, 1, 0, 1]), np.full(4, ""))
    monkeypatch.setattr("scripts.pipeline.version.labelled", lambda _spec, _part: held_out)
    monkeypatch.setattr("scripts.pipeline.data.unlabelled.images", lambda _spec, _use: IMAGES)
    verdict = pass_gate(Spec.load(MODELS / model), precision, nan_graphs)
    expected = ["float32", "fp32 arithmetic"] if precision == "int8" else ["float32"]
    assert {f"{graph}: answers are not finite" for graph in expected} <= set(verdict.failures)
    assert (verdict.passed, verdict.images, verdict.record()["measured"]) == (False, 4, {})
    assert "float32: answers are not finite" in str(Refused(Spec.load(MODELS / model), "3.0", verdict))


def test_an_untrained_checkpoint_gets_no_archive(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint = tmp_path / "untrained.safetensors"
    save_checkpoint(build_network("mobilenet_v3_small", 2).state_dict(), checkpoint, {})
    says = r"does not pass the gate of models/elpv/spec\.yaml.*misses min_accuracy.*No archive was written"
    with pytest.raises(Refused, match=says) as refusal:
        build_version(Spec.load(MODELS / "elpv"), "3.0", "float32", checkpoint, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    assert refusal.value.verdict.record()["failures"]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, of ranges that are NaN
def test_weights_that_overflowed_are_named_where_int8_takes_its_ranges(tmp_path: Path) -> None:
    checkpoint = tmp_path / "overflowed.safetensors"
    state = build_network("mobilenet_v3_small", 2).state_dict()
    save_checkpoint(state | {"classifier.3.bias": torch.full((2,), torch.nan)}, checkpoint, {})
    spec = Spec.load(MODELS / "elpv")
    few = spec.model_copy(update={"calibration": spec.calibration.model_copy(update={"images": 8})})
    with pytest.raises(UserError, match=r"overflowed\.safetensors: int8 has no ranges: .*not finite; train again"):
        export_graphs(few, "int8", checkpoint, tmp_path)


def test_too_few_calibration_images_are_refused_by_key(tmp_path: Path) -> None:
    folder = shutil.copytree(MODELS / "elpv", tmp_path / "elpv")
    spec = Spec.load(folder)
    few = spec.model_copy(update={"calibration": spec.calibration.model_copy(update={"images": 7})})
    with pytest.raises(UserError, match=r"calibration\.images.*at least 8"):
        build_version(few, "3.0", "int8", spec.checkpoint_path, tmp_path / "store")
