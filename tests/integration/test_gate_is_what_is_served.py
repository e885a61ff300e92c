"""Gate, preprocessing and served answer are the same numbers: every image of the gate, posted to a running server."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from handler.engine import Engine
from handler.metadata import Arithmetic, Metadata
from scripts.pipeline.answers import Answers
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.images import Labelled, labelled
from scripts.pipeline.measured import Measured
from scripts.pipeline.metrics import Truth
from scripts.pipeline.served import Served, by_server
from scripts.pipeline.spec import MODELS, Spec
from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.operations

# float32 sums come in another order with another batch or other kernels; an answer has six decimals.
FP32_TOLERANCE = 1e-4


@dataclass(frozen=True)
class HeldOut:
    """What the gate looks at: as a client would post it, and as the graphs get it."""

    files: list[Sample]
    images: Labelled
    labels: tuple[str, ...]

    def posted_to(self, server: Server, version: str) -> Served:
        return by_server(f"{server.url}/predictions/{MODEL}/{version}", self.files, self.labels)


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    spec = Spec.load(MODELS / "elpv")
    return HeldOut(samples(spec, "test"), labelled(spec, "test"), spec.labels)


def tolerance(arithmetic: Arithmetic, logits: np.ndarray) -> float:
    """Return by how much a served probability may differ from the gate's.

    Sums of integers are the same in any order, so in int8 arithmetic one kind of CPU gives the same answer to the last
    decimal, whatever the batch. Other kernels may round a value to the neighbouring one of its 256. In the logits that
    is one step each; two labels' logits a step apart in opposite directions move a probability by at most a quarter
    (the slope of the logistic function) of two steps.
    """
    return FP32_TOLERANCE if arithmetic == "fp32" else float(np.diff(np.unique(logits)).min()) / 2 + 1e-6


def require_the_gates_numbers(served: Served, folder: Path, held_out: HeldOut) -> None:
    """Compare answer by answer, then figure by figure with what the archive says of itself."""
    assert served.arithmetic in ("int8", "fp32")
    graph = folder / Metadata.load_verified(folder).graphs[served.arithmetic]
    logits = Engine.load(graph, served.arithmetic, threads=1).logits(held_out.images.images)
    gate = Answers.of_logits(logits)
    assert np.array_equal(served.answers.classes, gate.classes)
    difference = np.abs(served.answers.probabilities - gate.probabilities).max()
    assert difference <= tolerance(served.arithmetic, logits)
    metadata = Metadata.load_verified(folder)
    name = "float32" if metadata.precision == "float32" else f"{served.arithmetic} arithmetic"
    evidence = metadata.gate["measured"][name]
    truth = Truth(held_out.images.labels, held_out.images.groups, held_out.labels)
    figures = Measured.of(served.answers, truth, served.arithmetic, evidence["instructions"]).as_json()
    for area in ("roc_auc", "calibration_error"):
        assert figures[area] == pytest.approx(evidence[area], abs=1e-3)
    for counted in ("images", "accuracy", "accuracy_95", "recall"):
        assert figures[counted] == evidence[counted]


def test_both_served_versions_answer_the_gates_images_with_the_gates_numbers(
    server: Server, held_out: HeldOut, float32_folder: Path, int8_folder: Path
) -> None:
    for version, folder in (("1.0", float32_folder), ("2.0", int8_folder)):
        served = held_out.posted_to(server, version)
        assert served.version == version
        require_the_gates_numbers(served, folder, held_out)


def test_int8_weights_do_so_in_the_arithmetic_that_auto_does_not_choose_here_too(
    server: Server, own_server: Server, held_out: HeldOut, int8_folder: Path
) -> None:
    unmeasured = Metadata.load_verified(int8_folder).gate["unmeasured"]
    chosen = server.ask("status")["versions"]["2.0"]["arithmetic"]
    other = "fp32" if chosen == "int8" else "int8"
    if other in unmeasured:
        pytest.skip(f"{other} arithmetic is unmeasured: {unmeasured[other]}")
    config = own_server.config.read_text()
    own_server.config.write_text(config.replace("handler.arithmetic=auto", f"handler.arithmetic={other}"))
    traffic = own_server.traffic.read_text()
    own_server.traffic.write_text(traffic.replace('"1.0": 100', '"2.0": 100'))
    started = own_server.verb("start")
    assert started.returncode == 0, started.stderr
    served = held_out.posted_to(own_server, "2.0")
    assert served.arithmetic == other
    require_the_gates_numbers(served, int8_folder, held_out)


def test_the_evaluation_from_outside_gives_the_archives_figures(server: Server, int8_folder: Path) -> None:
    """By the verb, as a reader of the model card would redo it."""
    said = server.ask("evaluate", "--url", f"{server.url}/predictions/{MODEL}/2.0")
    evidence = Metadata.load_verified(int8_folder).gate["measured"][f"{said['arithmetic']} arithmetic"]
    assert (said["version"], said["part"], said["images"]) == ("2.0", "test", evidence["images"])
    for name in ("accuracy", "accuracy_95", "recall", "confusion"):
        assert said[name] == evidence[name]
    assert {group: of["accuracy"] for group, of in said["groups"].items()} == {
        group: of["accuracy"] for group, of in evidence["groups"].items()
    }
