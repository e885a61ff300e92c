import json
import time
from pathlib import Path

import pytest

from handler.errors import DeadlineExceeded
from handler.request import Request
from handler.service import Service
from handler.settings import Settings

WAITS_MS = 30_000


def sent(ago_s: float) -> dict[str, str]:
    """Return the headers of a request that the edge sent a while ago and has waited for since."""
    return {"x-request-deadline": f"{round(1000 * (time.time() - ago_s))}+{WAITS_MS}"}


@pytest.fixture(scope="module")
def service(int8_folder: Path) -> Service:
    return Service.load(int8_folder, Settings(arithmetic="fp32"))


def test_a_row_that_nobody_waits_for_is_not_decoded_and_its_neighbours_are_answered(
    service: Service, cell: bytes
) -> None:
    late = Request({"body": b"no image"}, sent(ago_s=31))
    replies, report = service.reply_all([Request({"body": cell}, sent(ago_s=29)), late, Request({"body": cell}, {})])
    assert [reply.status for reply in replies] == [200, 504, 200]
    # Had it been looked at, it would have got 415.
    assert json.loads(replies[1].body)["error"]["code"] == "deadline_exceeded"
    assert isinstance(report.outcomes[1][1], DeadlineExceeded)


@pytest.mark.parametrize("ago_s", [24 * 3600, -24 * 3600], ids=["forward", "back"])
def test_a_clock_that_was_set_while_a_row_waited_costs_no_answer(service: Service, cell: bytes, ago_s: float) -> None:
    [reply], _ = service.reply_all([Request({"body": cell}, sent(ago_s))])
    assert reply.status == 200


@pytest.mark.parametrize("value", ["", "soon", "1", "1+", "-1+1", "1+1+1", "²+1", "9" * 400 + "+1"])
def test_a_deadline_that_cannot_be_read_is_none(service: Service, cell: bytes, value: str) -> None:
    [reply], _ = service.reply_all([Request({"body": cell}, {"x-request-deadline": value})])
    assert reply.status == 200
