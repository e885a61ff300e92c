"""What each step of a canary gives to whom."""

import pytest

from scripts.canarying.plan import Plan, parse_steps
from scripts.errors import UserError


def plan(**others: int) -> Plan:
    named = {f"{name[1]}.0": weight for name, weight in others.items()}
    return Plan("3.0", named, (5, 25, 50, 100), copied=20, requests=300, hold_s=30, disagreement=0.1)


def test_the_others_share_the_rest_as_they_did_before() -> None:
    two = plan(v1=90, v2=10)
    assert two.baseline == "1.0"
    assert [two.split(percent) for percent in (0, 5, 50, 100)] == [
        {"1.0": 90, "2.0": 10, "3.0": 0},
        {"1.0": 86, "2.0": 9, "3.0": 5},
        {"1.0": 45, "2.0": 5, "3.0": 50},
        {"1.0": 0, "2.0": 0, "3.0": 100},
    ]


@pytest.mark.parametrize("others", [{"v1": 100}, {"v1": 34, "v2": 33, "v4": 33}, {"v1": 1, "v2": 99}])
def test_every_step_adds_up_to_100(others: dict[str, int]) -> None:
    assert {sum(plan(**others).split(percent).values()) for percent in range(101)} == {100}


def test_only_the_weights_of_a_step_are_the_canarys_own() -> None:
    two = plan(v1=90, v2=10)
    assert two.has_set({"1.0": 90, "2.0": 10})
    assert two.has_set({"1.0": 86, "2.0": 9, "3.0": 5, "4.0": 0})
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
