"""Who may get traffic, and who takes that of a version that can't."""

from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.serving import traffic
from scripts.serving.ejections import Ejection
from scripts.serving.eligible import require, require_no_more, without, without_ejected
from scripts.serving.management import Description


def description(version: str, *workers: str) -> Description:
    return Description(version, workers, len(workers), 8, 5, 60, 0, {})


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


def test_a_version_that_is_out_gets_nothing_and_no_other_that_is_out_inherits_it(tmp_path: Path) -> None:
    wanted = traffic.parse('split: {"1.0": 50, "2.0": 30, "3.0": 20}', tmp_path)
    registered = {version: description(version, "READY") for version in wanted.split}
    out = {version: Ejection("2026-11-26T10:00:00.000+00:00", version, "reasons") for version in ("1.0", "2.0")}
    assert without_ejected(wanted, registered, out).split == {"3.0": 100}
    with pytest.raises(UserError, match="out of the split, for reasons, and no other can answer"):
        without_ejected(wanted, registered, out | {"3.0": out["1.0"]})


def test_a_version_that_is_out_can_be_given_less_but_not_more(tmp_path: Path) -> None:
    before, out = traffic.parse('split: {"1.0": 90, "2.0": 10}', tmp_path), {"2.0": Ejection("", "2.0", "reasons")}
    require_no_more(traffic.parse('split: {"1.0": 95, "2.0": 5}', tmp_path), before, out)
    with pytest.raises(UserError, match=r"version 2\.0 is out of the split, for reasons"):
        require_no_more(traffic.parse('split: {"1.0": 80, "2.0": 20}', tmp_path), before, out)
