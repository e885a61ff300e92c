from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline.card.goals import Goals, goal_rows, verdict
from tests.scripts.pipeline.card.conftest import fabricated

OPEN = "but the goal is inside the 95 % interval"


@pytest.mark.parametrize(
    ("value", "goal", "at_least", "interval", "expected"),
    [
        (0.91, 0.89, True, (0.90, 0.92), "reached"),
        (0.89, 0.89, True, (0.87, 0.91), f"reached, {OPEN}"),
        (0.88, 0.89, True, (0.86, 0.90), f"**missed**, {OPEN}"),
        (0.85, 0.89, True, (0.83, 0.87), "**missed**"),
        (0.000, 0.005, False, (-0.007, 0.007), f"reached, {OPEN}"),
        (0.006, 0.005, False, (-0.001, 0.012), f"**missed**, {OPEN}"),
        (0.030, 0.005, False, (0.020, 0.040), "**missed**"),
        (2.9, 3, False, None, "reached"),
    ],
)
def test_a_verdict_says_what_the_interval_leaves_open(value, goal, at_least, interval, expected) -> None:
    assert verdict(value, goal, at_least, interval) == expected


def test_each_int8_graph_has_its_own_lines() -> None:
    rows = goal_rows(Goals(int8_accuracy=0.8, int8_drop=0.005, int8_agreement=0.985), fabricated())
    assert [row[0] for row in rows] == [
        "int8, fp32 arithmetic: accuracy",
        "int8, fp32 arithmetic: drop from float32",
        "int8, fp32 arithmetic: same label as float32",
    ]
    assert rows[1][1:] == ("at most 0.50 %", "1.00 %", "-2.00 to 4.00 %", f"**missed**, {OPEN}")


def test_a_misspelt_goal_is_named_with_its_file(tmp_path: Path) -> None:
    assert Goals.of(tmp_path) == Goals()
    (tmp_path / "goals.yaml").write_text("int8_acuracy: 0.9\n")
    with pytest.raises(UserError, match=r"goals\.yaml: unknown key `int8_acuracy`; did you mean `int8_accuracy`"):
        Goals.of(tmp_path)
    (tmp_path / "goals.yaml").write_text("- 1\n")
    with pytest.raises(UserError, match="must hold keys and values"):
        Goals.of(tmp_path)
