"""The prediction log of the real servers: a line for each answer and each copy, and all of them after a stop."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.serving import processes
from scripts.serving.places import REPOSITORY
from tests.integration.server import Server

pytestmark = pytest.mark.operations


@pytest.fixture
def logging_server(own_server: Server) -> Iterator[Server]:
    """Return a running server, 1.0 answering everything and 2.0 its shadow."""
    with_room_for_copies(own_server)
    shipped = own_server.traffic.read_text()
    own_server.traffic.write_text(shipped.replace("shadow: null", 'shadow: {version: "2.0", percent: 100}'))
    started = own_server.verb("start")
    assert started.returncode == 0, started.stderr
    yield own_server


def with_room_for_copies(server: Server) -> None:
    """A quarter of job_queue_size are a shadow's copies: none may be dropped, however far the shadow falls behind."""
    config = server.config.read_text()
    assert "\njob_queue_size=100\n" in config
    server.config.write_text(config.replace("job_queue_size=100", "job_queue_size=1000"))


def with_log(server: Server, value: str) -> None:
    config = server.config.read_text()
    assert "\nhandler.prediction_log=on\n" in config
    server.config.write_text(config.replace("handler.prediction_log=on", f"handler.prediction_log={value}"))


def lines(server: Server, folder: str = "predictions") -> list[dict[str, Any]]:
    texts = [path.read_text() for path in sorted((server.run_dir / folder).glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def ask(server: Server, cells: list[bytes], ids: list[str]) -> dict[str, Any]:
    """Return the answer to each of many requests, each from a user of its own."""

    def one(number_and_id: tuple[int, str]) -> Any:
        number, name = number_and_id
        headers = {"x-request-id": name, "x-user-id": f"user of {name}"}
        answer = server.predict(cells[number % len(cells)], headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(ids, pool.map(one, enumerate(ids)), strict=True))


def test_every_answer_and_every_copy_has_its_line_after_a_stop_and_a_user_one_name(
    logging_server: Server, cells: list[bytes], tmp_path: Path
) -> None:
    server = logging_server
    ids = [f"id-{number}" for number in range(200)]
    told = ask(server, cells, ids)
    stopped = server.verb("stop")
    assert stopped.returncode == 0, stopped.stderr
    found = lines(server)
    answers = {line["request_id"]: line for line in found if not line["shadow"]}
    assert Counter(line["request_id"] for line in found if not line["shadow"]) == Counter(ids)
    for name, answer in told.items():
        best = answer["predictions"][0]
        assert {key: answers[name][key] for key in best} == best
    # Of the copies what the edge counts as answered is logged; some may have been on their way when it stopped.
    access = [json.loads(line) for line in (server.run_dir / "access.log").read_text().splitlines()]
    logged = Counter((line["request_id"], line["version"], line["shadow"]) for line in found)
    assert logged == Counter((e["request_id"], e["version"], e["shadow"]) for e in access if e["status"] == 200)
    assert logged.keys() >= {(name, "1.0", False) for name in ids}
    assert sum(count for (_, version, shadow), count in logged.items() if shadow and version == "2.0") > 150
    for line in found:
        assert (line["user"], line["image"]) == tuple(answers[line["request_id"]][key] for key in ("user", "image"))
    assert len({line["user"] for line in found}) == len(ids)
    examples_of_the_documents(server, tmp_path, answered=len(ids), copied=len(found) - len(ids))
    # After a restart the same user has the same name.
    assert server.verb("start").returncode == 0
    ask(server, cells, ["id-0"])
    assert processes.wait_until(lambda: len(lines(server)) == len(found) + 2, 30)
    assert {line["user"] for line in lines(server) if line["request_id"] == "id-0"} == {answers["id-0"]["user"]}


def examples_of_the_documents(server: Server, folder: Path, answered: int, copied: int) -> None:
    """Run what docs/predictions.md shows on what the server has written."""
    duckdb = pytest.importorskip("duckdb")
    (folder / "run").symlink_to(server.run_dir)
    text = (REPOSITORY / "docs" / "predictions.md").read_text()
    by_version, by_label = re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL)
    here = [query.replace("'run/", f"'{folder}/run/") for query in (by_version, by_label)]
    rows = [duckdb.sql(query).fetchall() for query in here]
    assert [(*row[:2], row[2]) for row in rows[0]] == [("1.0", False, answered), ("2.0", True, copied)]
    assert all(0.5 <= row[3] <= 1 and row[4] > 0 for row in rows[0])
    assert sum(row[2] for row in rows[1]) == copied
    shown = json.loads(re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)[0])
    assert all(list(line) == list(shown) for line in lines(server))


def test_fewer_workers_lose_no_line(logging_server: Server, cells: list[bytes]) -> None:
    server = logging_server
    server.ask("split", "1.0=50 2.0=50")
    server.ask("shadow", "--percent", "0")
    names: list[str] = []
    for turn in range(3):
        server.ask("scale", "--version", "1.0", "--workers", "2")
        fresh = [f"turn-{turn}-{number}" for number in range(60)]
        ask(server, cells, fresh)
        server.ask("scale", "--version", "1.0", "--workers", "1")
        names += fresh
    assert Counter(line["request_id"] for line in lines(server)) == Counter(names)


def test_the_metric_of_dropped_lines_is_there_before_one_is(logging_server: Server, cell: bytes) -> None:
    logging_server.predict(cell)

    def dropped() -> list[str]:
        text = requests.get(logging_server.metrics_url, timeout=10).text
        return re.findall(r'^PredictionLinesDropped\{.*ModelVersion="1.0".*\} (\S+)$', text, flags=re.MULTILINE)

    assert processes.wait_until(lambda: dropped() == ["0.0"], 30)


def test_a_share_is_of_requests_and_both_versions_log_the_same(own_server: Server, cells: list[bytes]) -> None:
    with_log(own_server, "0.3")
    with_room_for_copies(own_server)
    shipped = own_server.traffic.read_text()
    own_server.traffic.write_text(shipped.replace("shadow: null", 'shadow: {version: "2.0", percent: 100}'))
    assert own_server.verb("start").returncode == 0
    ask(own_server, cells, [f"id-{number}" for number in range(100)])

    def logged(shadow: bool) -> set[str]:
        return {line["request_id"] for line in lines(own_server) if line["shadow"] is shadow}

    assert processes.wait_until(lambda: logged(True) == logged(False) != set(), 30)
    # Five standard deviations.
    assert 7 < len(logged(False)) < 53


def test_without_a_log_nothing_is_written(own_server: Server, cell: bytes) -> None:
    server = own_server
    with_log(server, "off")
    assert server.verb("start").returncode == 0
    assert server.predict(cell, headers={"x-user-id": "ann"}).status_code == 200
    assert not list(server.run_dir.glob("predictions*"))


def test_the_report_reads_what_the_servers_wrote(own_server: Server, cells: list[bytes], tmp_path: Path) -> None:
    server = own_server
    text = server.traffic.read_text()
    server.traffic.write_text(text.replace('{"1.0": 100}', '{"1.0": 50, "2.0": 50}'))
    started = server.verb("start")
    assert started.returncode == 0, started.stderr
    ask(server, cells, [f"id-{number}" for number in range(120)])
    # A tester is not drawn, whether by path or by header.
    for number in range(10):
        assert server.predict(cells[0], version="2.0").ok
        assert server.predict(cells[0], headers={"x-model-version": "2.0", "x-user-id": f"tester {number}"}).ok
    assert server.verb("stop").returncode == 0
    said = server.ask("report", "--out", str(tmp_path / "report"))
    requests_of = {one["version"]: one["requests"] for one in said["versions"]}
    assert sum(requests_of.values()) == 140
    compared = said["comparison"]["errors"]
    assert compared["baseline"]["of"] + compared["candidate"]["of"] == 120
    assert sum(said["ratio"]["observed"].values()) == 120
    assert said["ratio"]["broken"] is False
