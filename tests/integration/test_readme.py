"""What README and the table of configuration promise, done."""

import json
import re
import shlex
import subprocess

import pytest

from scripts.serving.places import REPOSITORY, Ports
from scripts.serving.traffic import Edge, Traffic
from tests.integration.server import Server

README = (REPOSITORY / "README.md").read_text()
CONFIGURATION = (REPOSITORY / "docs" / "configuration.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_its_first_request_is_answered_as_it_shows(server: Server) -> None:
    """The same command, at this server's port; the version is drawn and the request id is new each time."""
    command = next(block for block in blocks("sh") if block.startswith("curl")).strip()
    assert f"127.0.0.1:{Ports().edge}" in command
    words = shlex.split(command.replace(f":{Ports().edge}/", f":{server.ports['edge']}/"))
    words = [f"@{REPOSITORY}/{word[1:]}" if word.startswith("@") else word for word in words]
    done = subprocess.run(["curl", "--silent", *words[1:]], capture_output=True, text=True, check=True)
    answer, shown = json.loads(done.stdout), json.loads(blocks("json")[0])
    assert answer.keys() == shown.keys()
    assert answer["model"] == shown["model"]
    assert [row["label"] for row in answer["predictions"]] == [row["label"] for row in shown["predictions"]]
    for got, said in zip(answer["predictions"], shown["predictions"], strict=True):
        assert got["probability"] == pytest.approx(said["probability"], abs=0.05)


def test_the_error_it_shows_is_the_error_sent(server: Server, cell: bytes) -> None:
    shown = json.loads(blocks("json")[1])
    response = server.predict(cell[: len(cell) // 2])
    assert response.json() == shown


def test_the_tables_of_configuration_name_keys_and_ports_that_exist() -> None:
    fields = {*Traffic.model_fields, *(f"edge.{name}" for name in Edge.model_fields)}
    table = CONFIGURATION[CONFIGURATION.index("## `traffic.yaml`") : CONFIGURATION.index("## `config.properties`")]
    named = {name for row in re.findall(r"^\| (`[^|]*) \|", table, flags=re.MULTILINE) for name in row.split("`")[1::2]}
    assert named <= fields
    assert len(named) > 5
    for number in Ports().tcp().values():
        assert str(number) in CONFIGURATION


def test_predict_prints_what_the_model_sees(server: Server, cell: bytes) -> None:
    path = server.run_dir.parent / "cell.png"
    path.write_bytes(cell)
    done = server.verb("predict", str(path), "--version", "2.0")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d\d\.\d\d%  (functional|defective)", done.stdout)
    assert "mobilenet_v3 2.0" in done.stdout
    answer = server.ask("predict", str(path), "--top-k", "1")
    assert len(answer["predictions"]) == 1


def test_predict_says_what_is_wrong(server: Server) -> None:
    missing = server.verb("predict", "no-such-file.png")
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: no-such-file.png: ")
    text = server.verb("predict", str(REPOSITORY / "README.md"))
    assert text.returncode == 1
    assert "unsupported_format" in text.stderr
