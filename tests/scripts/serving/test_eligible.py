"""Who may get traffic, and who takes that of a version that can't."""

from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.serving import traffic
from scripts.serving.eligible import require, without
from scripts.serving.management import Description


def description(version: str, *workers: str) -> Description:
    return Description(version, workers, len(workers), 8, 5, 60, 0)


def test_the_share_of_a_drained_version_goes_to_the_greatest_that_can_answer(tmp_path: Path) -> None:
    wanted = traffic.parse('split: {"1.0": 60, "2.0": 10, "3.0": 30}', tmp_path)
    registered = {version: description(version, "READY") for version in ("1.0", "2.0", "3.0")}
    rest = without(wanted, "1.0", registered)
    assert rest is not None
    assert rest.split == {"2.0": 10, "3.0": 90}
    registered["3.0"] = description("3.0", "WORKER_STOPPED")
    rest = without(wanted, "1.0", registered)
    assert rest is not None
    assert rest.split == {"2.0": 70, "3.0": 30}


def test_nobody_takes_the_share_of_the_only_version(tmp_path: Path) -> None:
    wanted = traffic.parse('split: {"1.0": 100}', tmp_path)
    assert without(wanted, "1.0", {"1.0": description("1.0", "READY")}) is None


SPLIT = 'split: {"1.0": 100, "2.0": 0}'


@pytest.mark.parametrize(
    ("text", "workers", "opened", "sentence"),
    [
        (SPLIT, {"1.0": "READY"}, ("1.0", "2.0"), "version 2.0 is not registered; `make register VERSION=2.0` first"),
        (SPLIT, {"1.0": "READY", "2.0": "READY"}, ("1.0",), "version 2.0 is registered, but not ready for traffic"),
        (SPLIT, {"1.0": "WORKER_STOPPED", "2.0": "READY"}, ("1.0", "2.0"), "version 1.0 has no worker that is ready"),
        (
            SPLIT + '\nshadow: {version: "2.0", percent: 5}',
            {"1.0": "READY", "2.0": "WORKER_STOPPED"},
            ("1.0", "2.0"),
            "version 2.0 has no worker that is ready (WORKER_STOPPED)",
        ),
    ],
)
def test_a_version_that_can_not_answer_is_named_with_the_command_that_mends_it(
    tmp_path: Path, text: str, workers: dict[str, str], opened: tuple[str, ...], sentence: str
) -> None:
    registered = {version: description(version, state) for version, state in workers.items()}
    with pytest.raises(UserError) as refused:
        require(traffic.parse(text, tmp_path), registered, opened)
    assert sentence in str(refused.value)


def test_a_version_without_weight_may_be_without_a_worker(tmp_path: Path) -> None:
    registered = {"1.0": description("1.0", "READY"), "2.0": description("2.0", "WORKER_STOPPED")}
    require(traffic.parse(SPLIT, tmp_path), registered, ("1.0", "2.0"))
