import json
import socket
import sys
from pathlib import Path
from typing import IO

import pytest
import typer

from load_tests import thresholds
from load_tests.thresholds import Seen
from scripts import load
from scripts.errors import UserError

SEEN = Seen(500, 3, 120.0, {"1.0": 90, "2.0": 10})
HOST = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path))


@pytest.fixture
def _reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something answers at HOST."""
    monkeypatch.setattr(load, "_reached", lambda host: host)


def locust_that_judges(told: IO[str], _model: str, *options: str) -> int:
    """What Locust leaves behind where a threshold is missed."""
    assert told is sys.stderr
    checks = thresholds.check(SEEN, thresholds.read("steady"), {"1.0": 90, "2.0": 10})
    Path(options[options.index("--judged") + 1]).write_text(json.dumps(thresholds.record(SEEN, checks)))
    return 1


@pytest.mark.usefixtures("_reached")
def test_the_object_says_what_was_counted_and_which_threshold_was_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(load, "_locust", locust_that_judges)
    with pytest.raises(typer.Exit) as ended:
        load.main(host=HOST, seconds=9, as_json=True)
    assert ended.value.exit_code == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["shape"], said["users"], said["seconds"], said["passed"]) == ("steady", 16, 9, False)
    assert (said["answers"], said["failures"], said["p95_ms"]) == (500, 3, 120.0)
    assert said["visitors"] == {"1.0": 90, "2.0": 10}
    assert [check["name"] for check in said["checks"] if not check["passed"]] == ["error rate"]


@pytest.mark.usefixtures("_reached")
def test_a_load_that_ended_early_shows_no_figures_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "load" / "steady").mkdir(parents=True)
    (tmp_path / "load" / "steady" / "thresholds.json").write_text("{}")
    monkeypatch.setattr(load, "_locust", lambda *_: 2)
    with pytest.raises(UserError, match="Locust ended with status 2 before it had judged anything"):
        load.main(host=HOST, as_json=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("host", [HOST, "foo"])
def test_a_host_where_nothing_answers_is_said_before_locust_starts(host: str) -> None:
    with pytest.raises(UserError, match=f"HOST={host} does not answer"):
        load.main(host=host)


def test_a_worker_has_no_figures_to_show() -> None:
    with pytest.raises(UserError, match="a worker has no figures, its master has"):
        load.main(join="127.0.0.1", as_json=True)


def test_a_page_whose_port_is_taken_is_said_before_locust_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(load, "PAGE_PORT", port)
        with pytest.raises(UserError, match=f"port {port}, of Locust's page, on 127.0.0.1 is taken by"):
            load.main(host=HOST, page=True)
