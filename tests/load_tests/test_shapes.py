import pytest

from load_tests.shapes import SHAPES, Shape, hold, slope


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_fills_its_time_and_reaches_all_users(name: str) -> None:
    shape = SHAPES[name]
    counts = [shape.users(second, 100, 40) for second in range(100)]
    assert sum(stage.time for stage in shape.stages) == pytest.approx(1)
    assert None not in counts
    assert max(count for count in counts if count is not None) == 40
    assert shape.users(100.001, 100, 40) is None


def test_a_slope_brings_users_evenly() -> None:
    shape = Shape((slope(0.5, 0.0, 1.0), hold(0.5, 1.0)))
    assert [shape.users(second, 100, 100) for second in (10, 25, 40, 60)] == [20, 50, 80, 100]


def test_a_spike_goes_back_to_where_it_came_from() -> None:
    counts = [SHAPES["spike"].users(second, 100, 50) for second in (10, 50, 90)]
    assert counts == [10, 50, 10]


def test_there_is_always_somebody() -> None:
    assert SHAPES["ramp"].users(0, 100, 3) == 1
