"""What `make status WATCH=1` shows."""

from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.serving import watch

IDLE = {"requests_per_s": 0.0, "failed_per_s": 0.0, "p50_ms": None, "p95_ms": None, "queue_ms": None}
BUSY = {"requests_per_s": 7.5, "failed_per_s": 0.2, "p50_ms": 40.2, "p95_ms": 81.6, "queue_ms": 3.04}
STATE = {"ready": 1, "wanted": 1, "waiting": 0}


def shown(**versions: dict[str, object]) -> list[list[str]]:
    facts = {"url": "http://127.0.0.1:8000", "model": "mobilenet_v3", "seconds": 10.0, "versions": versions}
    return [line.split() for line in watch.text(facts).splitlines()[2:]]


def test_a_line_a_version_with_its_weight_and_its_share() -> None:
    one, two = {"weight": 90, **STATE, **BUSY}, {"weight": 10, **STATE, **BUSY, "requests_per_s": 2.5}
    rows = shown(**{"1.0": one, "2.0": two})
    assert rows[0] == ["1.0", "90", "%", "75", "%", "7.5", "0.2", "82", "3.0", "0", "1/1", "READY"]
    assert rows[1][:6] == ["2.0", "10", "%", "25", "%", "2.5"]


def test_what_answers_nothing_has_no_share_and_no_latency() -> None:
    [row] = shown(**{"1.0": {"weight": 100, **STATE, **IDLE}})
    assert row == ["1.0", "100", "%", "-", "0.0", "0.0", "-", "-", "0", "1/1", "READY"]


def test_without_a_server_it_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing serves in .*; `make start` first"):
        next(watch.looks({"RUN_DIR": str(tmp_path)}))
