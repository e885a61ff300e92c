"""What each step of a canary gives to whom."""

import pytest

from scripts.canarying.plan import Plan, giving, parse_steps
from scripts.errors import UserError


def plan(split: dict[str, int], version: str = "3.0") -> Plan:
    others = giving(split, version)
    return Plan(version, others, (5, 25, 50, 100), copied=20, requests=300, hold_s=30, disagreement=0.1)


def test_the_neighbour_gives_up_its_traffic_first_and_the_largest_is_the_baseline() -> None:
    two = plan({"1.0": 90, "2.0": 10, "2.5": 0})
    assert two.baseline == "1.0"
    assert [two.split(percent) for percent in (0, 5, 50, 100)] == [
        {"1.0": 90, "2.0": 10, "3.0": 0},
        {"1.0": 90, "2.0": 5, "3.0": 5},
        {"1.0": 50, "2.0": 0, "3.0": 50},
        {"1.0": 0, "2.0": 0, "3.0": 100},
    ]


@pytest.mark.parametrize(
    ("split", "version"),
    [
        ({"1.0": 100}, "3.0"),
        ({"1.0": 34, "2.0": 33, "2.5": 33}, "3.0"),
        ({"1.0": 20, "3.0": 0, "2.0": 80}, "3.0"),
        ({"3.0": 0, "1.0": 20, "2.0": 80}, "3.0"),
    ],
)
def test_a_user_moves_once_at_most_and_to_the_candidate_alone(split: dict[str, int], version: str) -> None:
    """By the places of 100 users among the weights, in the order that traffic.yaml keeps."""
    order = [*dict.fromkeys([*split, version])]

    def met(percent: int) -> list[str]:
        weights = plan(split, version).split(percent)
        assert sum(weights.values()) == 100
        return [name for name in order for _ in range(weights.get(name, 0))]

    for percent in range(100):
        for now, then in zip(met(percent), met(percent + 1), strict=True):
            assert then in (now, version)


def test_only_the_weights_of_a_step_are_the_canarys_own() -> None:
    two = plan({"1.0": 90, "2.0": 10})
    assert two.has_set({"1.0": 90, "2.0": 10})
    assert two.has_set({"1.0": 90, "2.0": 5, "3.0": 5, "4.0": 0})
    assert not two.has_set({"1.0": 80, "2.0": 10, "3.0": 10})
    assert not two.has_set({"1.0": 95, "3.0": 5})


def test_steps_are_read_with_commas_or_spaces() -> None:
    assert parse_steps("5,25, 50,100") == parse_steps("5 25 50 100") == (5, 25, 50, 100)
    assert parse_steps("100") == (100,)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("5,x,100", "STEPS=5,x,100: write percentages with commas"),
        ("50,25,100", "each step is larger than the one before"),
        ("0,100", "the first at least 1"),
        ("", "each step is larger"),
        ("5,50", "the last step is 100; `make split` sets a share that stays"),
        ("50,150", "the last step is 100"),
    ],
)
def test_other_steps_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        parse_steps(text)
