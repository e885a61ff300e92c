"""An answer does not depend on the batch that it came in, and batches form where they should."""

import json
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from benchmarks import product
from benchmarks.product import Files
from benchmarks.server_metrics import between
from handler.request import Request
from handler.responses import Reply
from handler.service import Service
from handler.settings import Settings


@pytest.fixture(scope="module", params=["float32", "int8"])
def service(request: pytest.FixtureRequest, float32_folder: Path, int8_folder: Path) -> Service:
    """Both archives in fp32 arithmetic; in int8 arithmetic sums are rounded, and rounding is not held to 1e-4."""
    folder = float32_folder if request.param == "float32" else int8_folder
    return Service.load(folder, Settings(arithmetic="fp32"))


def best(reply: Reply) -> tuple[str, float]:
    found = json.loads(reply.body)["predictions"][0]
    return found["label"], found["probability"]


def row(body: bytes) -> Request:
    return Request({"body": body}, {})


@pytest.mark.parametrize("size", [2, 3, 5, 8, 16])
def test_an_answer_is_the_same_in_any_batch_beside_any_neighbour(
    service: Service, cells: list[bytes], size: int
) -> None:
    alone = {cell: best(service.reply_all([row(cell)])[0][0]) for cell in cells}
    generator = random.Random(size)
    for _ in range(3):
        batch = generator.choices(cells, k=size)
        replies, _ = service.reply_all([row(cell) for cell in batch])
        for cell, reply in zip(batch, replies, strict=True):
            label, probability = best(reply)
            assert label == alone[cell][0]
            assert probability == pytest.approx(alone[cell][1], abs=1e-4)


def test_bad_neighbours_change_no_answer(service: Service, cells: list[bytes]) -> None:
    expected = [best(reply) for reply in service.reply_all([row(cell) for cell in cells[:4]])[0]]
    mixed = [body for cell in cells[:4] for body in (b"text", cell, cell[:500])]
    replies, _ = service.reply_all([row(body) for body in mixed])
    for (label, probability), reply in zip(expected, replies[1::3], strict=True):
        assert best(reply) == (label, pytest.approx(probability, abs=1e-4))


@pytest.mark.operations
def test_at_64_connections_batches_form(cells: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="b-") as name:  # short: the path of a Unix socket holds 108 bytes
        folder = Path(name).resolve() / "p"
        with product.running(folder, cells[0], Files(Files.shipped().config, product.only(product.INT8))) as server:
            target = server.through_edge("int8", product.INT8)
            assert target.metrics is not None
            before = target.metrics.read()

            def send(cell: bytes) -> int:
                headers = {"content-type": "application/octet-stream"}
                return requests.post(target.url, data=cell, headers=headers, timeout=60).status_code

            with ThreadPoolExecutor(64) as callers:
                assert set(callers.map(send, cells * 8)) == {200}
            after = target.metrics.read()
    # The shipped batch is 8; a queue of 64 fills it but for the first and the last ones.
    assert between(before, after)["requests in a batch"] > 4
