"""The Python client against a real server: what it says is what the server says."""

import json
import re
from pathlib import Path

import pytest
import requests

from mobilenet_v3_client import Client, InvalidImage, InvalidRequest, NotFound
from scripts.serving import processes
from scripts.serving.places import REPOSITORY
from tests.integration.server import Server

PNG = b"\x89PNG\r\n\x1a\n"
README = (REPOSITORY / "client" / "README.md").read_text()


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.url)


@pytest.fixture
def folder(cells: list[bytes], tmp_path: Path) -> Path:
    """Return a folder of twelve cells, of which the sixth is cut off."""
    for number, cell in enumerate(cells[:12]):
        (tmp_path / f"{number:02}.png").write_bytes(cell if number != 5 else cell[:1000])
    return tmp_path


def test_a_prediction_is_the_servers_answer(client: Client, server: Server, cell: bytes) -> None:
    said = server.predict(cell, "2.0").json()
    found = client.predict(cell, version="2.0")
    assert found.as_dict() | {"request_id": ""} == said | {"request_id": ""}
    assert (found.label, found.index) == (said["predictions"][0]["label"], said["predictions"][0]["index"])
    assert found.tries == 1
    assert len(client.predict(cell, top_k=1).classes) == 1


def test_a_user_always_meets_the_same_version_and_a_pin_comes_before_it(client: Client, cell: bytes) -> None:
    for user in ("ann", "bob", "用户"):
        assert len({client.predict(cell, user=user).version for _ in range(5)}) == 1
    assert {client.predict(cell, user="ann", version=version).version for version in ("1.0", "2.0")} == {"1.0", "2.0"}


def test_errors_are_the_servers_with_a_request_that_its_log_knows(client: Client, server: Server, cell: bytes) -> None:
    with pytest.raises(InvalidImage) as cut:
        client.predict(cell[:1000])
    assert (cut.value.code, cut.value.status) == ("truncated_image", 400)
    log = server.run_dir / "access.log"
    assert processes.wait_until(lambda: f'"{cut.value.request_id}"' in log.read_text(), 10)
    with pytest.raises(InvalidImage, match=r"empty_body \(400\)"):
        client.predict(b"")
    with pytest.raises(InvalidImage, match=r"unsupported_format \(415\)"):
        client.predict(REPOSITORY / "README.md")
    with pytest.raises(InvalidImage, match=r"body_too_large \(413\)"):
        client.predict(bytes(16_000_001))
    with pytest.raises(InvalidRequest, match=r"invalid_top_k \(400\)"):
        client.predict(cell, top_k=0)
    with pytest.raises(NotFound, match="no such version"):
        client.predict(cell, version="9.9")
    with pytest.raises(NotFound, match="no such path"):
        Client(server.url, "other").predict(cell)


@pytest.mark.parametrize("ordered", [True, False])
def test_of_a_folder_the_bad_image_alone_has_an_error(client: Client, folder: Path, ordered: bool) -> None:
    outcomes = list(client.predict_folder(folder, concurrency=4, ordered=ordered, version="1.0"))
    if ordered:
        assert [outcome.index for outcome in outcomes] == list(range(12))
    by_name = {outcome.source.name: outcome for outcome in outcomes}
    assert [name for name, outcome in by_name.items() if outcome.error] == ["05.png"]
    for number in (0, 3, 11):
        single = client.predict(folder / f"{number:02}.png", version="1.0")
        assert by_name[f"{number:02}.png"].result().classes == single.classes


def test_an_explanation_is_of_the_class_that_is_asked_for(client: Client, cell: bytes) -> None:
    found = client.predict(cell, version="2.0")
    of_itself, of_the_other = (client.explain_map(cell, class_=each, version="2.0") for each in (None, 1 - found.index))
    assert (of_itself.label, of_itself.probability, of_itself.version) == (found.label, found.probability, "2.0")
    assert (of_the_other.index, max(map(max, of_itself.map))) == (1 - found.index, 1.0)
    pictures = {client.explain(cell, class_=each, version="2.0") for each in (found.label, of_the_other.label)}
    assert len(pictures) == 2 and all(picture.startswith(PNG) for picture in pictures)
    with pytest.raises(InvalidRequest, match=r"unknown_class \(400\)"):
        client.explain(cell, class_="cat")


def test_health_is_what_healthz_says(client: Client, server: Server) -> None:
    assert client.health().ready is (requests.get(f"{server.url}/healthz", timeout=10).status_code == 200)


def test_the_verb_takes_a_folder_too(server: Server, folder: Path) -> None:
    done = server.verb("predict", str(folder), "--version", "2.0", "--top-k", "1", "--json")
    assert (done.returncode, done.stderr[:23]) == (1, "11 answered, 1 failed, ")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(line["file"]).name for line in lines] == [f"{number:02}.png" for number in range(12)]
    assert lines.pop(5)["error"]["code"] == "truncated_image"
    assert {(line["version"], len(line["predictions"])) for line in lines} == {("2.0", 1)}


def test_the_readmes_examples_run(
    server: Server, folder: Path, cell: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cell.png").write_bytes(cell)
    (folder / "cells").mkdir()
    (folder / "00.png").rename(folder / "cells" / "0.png")
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert "http://127.0.0.1:8000" in blocks[0]
    exec("\n".join(blocks).replace("http://127.0.0.1:8000", server.url), {})
    printed = capsys.readouterr().out
    assert (folder / "why.png").read_bytes().startswith(PNG)
    assert re.search(r"^(defective|functional) 0\.\d+ [12]\.0 [0-9a-f-]{36} ", printed)
    assert "unsupported_format (415): not an image" in printed
