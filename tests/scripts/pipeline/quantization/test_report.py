import json
from dataclasses import replace

import pytest

from scripts.pipeline.quantization.calibration import Calibrated, best
from scripts.pipeline.quantization.comparison import Comparison
from scripts.pipeline.quantization.figure import draw
from scripts.pipeline.quantization.layers import Layer
from scripts.pipeline.quantization.measure import Row
from scripts.pipeline.quantization.noise import HIGHEST_DB
from scripts.pipeline.quantization.report import markdown
from scripts.pipeline.quantization.variants import Missing
from scripts.pipeline.quantization.weights import Weights
from scripts.pipeline.quantize import METHOD
from scripts.spread import Spread


def row(name: str, logits_db: float) -> Row:
    spreads = {1: Spread(2.5, 2.4, 2.75, 3), 8: Spread(1.5, 1.5, 1.5, 3)}
    return Row(name, "ONNX Runtime", "float32", 6_000_000, spreads, spreads, 0.9, 0.995, logits_db)


@pytest.fixture
def comparison() -> Comparison:
    levels = {"features.1": 30.0, "features.2": 14.0, "features.3": 22.0, "classifier.0": 31.0}
    kinds = ("hard-swish", "squeeze-excite", "squeeze-excite", "other")
    weights = (Weights(40.0, 33.0), None, None, Weights(41.0, 36.0))
    return Comparison(
        model="elpv",
        checkpoint_sha256="0123456789abcdef",
        machine={"processor": "P", "cores": 2, "int8_dot_products": [], "versions": {"torch": "2.13.0"}},
        images={"calibration": 256, "held out": 328, "test": 654},
        rows=(row("float32", HIGHEST_DB), row("static, per channel", 31.24)),
        missing=(Missing("torchao PT2E, static", "PyTorch, Inductor", "no compiler | none"),),
        calibrated=(
            Calibrated("MinMax", 256, 28.0, 0.99),
            Calibrated("Percentile", 256, 32.0, 0.98),
            Calibrated("Percentile", 8, 40.0, 1.0),
        ),
        layers=tuple(
            Layer(name, "Conv", kind, level, weight)
            for (name, level), kind, weight in zip(levels.items(), kinds, weights, strict=True)
        ),
        per_tensor_worst_channel_db=11.6,
    )


def test_the_report_begins_with_the_table_and_has_no_heading(comparison: Comparison) -> None:
    lines = markdown(comparison).splitlines()
    assert lines[0].startswith("|  | runs in | arithmetic | MB | ms, batch 1 |")
    assert not [line for line in lines if line.startswith("#")]
    expected = "| **static, per channel** | ONNX Runtime | float32 | 6.00 | 2.50 (2.40 to 2.75) | "
    assert f"{expected}1.50 (1.50 to 1.50) | 90.00% | 99.50% | 31.2 |" in lines


def test_what_can_not_be_built_here_is_a_row_that_says_why(comparison: Comparison) -> None:
    line = next(line for line in markdown(comparison).splitlines() if "Inductor |" in line)
    assert "not here: no compiler \\| none" in line
    assert line.replace("\\|", "").count("|") == 10


def test_the_worst_layer_of_each_part_is_named_when_none_collapses(comparison: Comparison) -> None:
    text = markdown(comparison)
    assert "None of the 1 layers of hard-swish collapses; the worst, `features.1`, has 30.0 dB." in text
    assert "None of the 2 layers of squeeze-excite collapses; the worst, `features.2`, has 14.0 dB." in text
    assert "none has lost them; the worst channel's weights keep 33.0 dB; with one scale a tensor" in text


def test_a_collapse_is_said_and_named(comparison: Comparison) -> None:
    lost = replace(comparison.layers[1], output_db=4.0)
    text = markdown(replace(comparison, layers=(comparison.layers[0], lost)))
    assert "**1 of 1 layers of squeeze-excite collapse**: `features.2` (4.0 dB)." in text


def test_the_calibration_with_the_least_noise_wins_among_those_with_all_images(comparison: Comparison) -> None:
    assert best(list(comparison.calibrated)).method == "Percentile"
    assert f"{METHOD.name} leaves the least noise, and is what archives are made with." in markdown(comparison)


def test_another_winner_than_the_archives_own_is_not_hidden(comparison: Comparison) -> None:
    other = Calibrated("Entropy", 256, 50.0, 1.0)
    text = markdown(replace(comparison, calibrated=(*comparison.calibrated, other)))
    assert f"Entropy leaves the least noise here; archives are made with {METHOD.name} all the same" in text


def test_everything_is_in_the_json_and_the_figure_is_a_png(comparison: Comparison) -> None:
    data = json.loads(json.dumps(comparison.as_json()))
    assert data["rows"][1]["cpu_ms"]["1"]["low"] == 2.4
    assert [layer["name"] for layer in data["layers"]] == ["features.1", "features.2", "features.3", "classifier.0"]
    assert draw(comparison).startswith(b"\x89PNG")
