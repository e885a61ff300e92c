"""A version's way to all of the traffic, with real versions that do harm, and callers who would notice."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from scripts.pipeline.data import elpv
from tests.integration.server import Server
from tests.integration.steady import failed, steady

pytestmark = pytest.mark.operations

# In a worker's `initialize`: what a defect of the model or the handler would do.
NOTHING = "pass"
SWAPS_LABELS = (
    "import handler.engine as e; before = e.Engine.logits; "
    "e.Engine.logits = lambda engine, images: before(engine, images)[:, ::-1]"
)
# By what the image is, so that a copy of a request fails as the request would.
FAILS_ONE_IN_FIFTY = (
    "import handler.service as s, hashlib; before = s.prepare; "
    "s.prepare = lambda request, *more: "
    "1 / (int(hashlib.sha256(bytes(request.row['body'])).hexdigest(), 16) % 50) and before(request, *more)"
)
THREE_TIMES_SLOWER = (
    "import handler.service as s; before = s.Service.reply_all; "
    "s.Service.reply_all = lambda *all: [before(*all) for _ in range(3)][-1]"
)
# Of the 2 workers' two cores about a half.
PER_S = 60


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    """Return more cells than a version warms itself with."""
    return [cell.path.read_bytes() for cell in elpv.cells()[:1000]]


@pytest.fixture
def release(own_server: Server, broken_archive: Callable[[str, str], None]) -> Iterator[Callable[[str, str], Server]]:
    """Return what registers a version that does something first, beside 1.0 that has all of the traffic."""

    def registered(version: str, statement: str) -> Server:
        broken_archive(version, statement)
        assert own_server.verb("start").returncode == 0
        own_server.ask("register", "--version", version)
        return own_server

    yield registered


def walked(server: Server, images: Sequence[bytes], version: str, *words: str) -> tuple[int, dict[str, object], str]:
    """Return a canary's exit status, its record and what it said, of one under steady load."""
    with steady(server, images, PER_S) as answers:
        words = ("--version", version, "--hold", "5", *words)
        done = server.verb("canary", *words, within_s=600)
    assert [answer for answer in failed(answers()) if answer.version != version] == []
    record = json.loads((server.run_dir / "canary.json").read_text())
    return done.returncode, record, done.stdout + done.stderr


def test_a_good_version_reaches_all_of_the_traffic_and_one_rollback_takes_all_of_it_back(
    release: Callable[[str, str], Server], images: list[bytes]
) -> None:
    server = release("3.0", NOTHING)
    status, record, said = walked(server, images, "3.0", "--steps", "10,50,100")
    assert status == 0, said
    assert (record["state"], record["percent"]) == ("promoted", 100)
    assert server.ask("status")["versions"]["3.0"]["effective_weight"] == 100
    assert server.ask("rollback")["split"] == {"1.0": 100, "3.0": 0}


@dataclass(frozen=True)
class Harm:
    """A version that does harm.

    Attributes:
        version: its number.
        defect: a statement.
        guardrail: how the reason of its end begins.
        at: steps at one of which it shows; 0: among the copies.
    """

    version: str
    defect: str
    guardrail: str
    at: frozenset[int]


HARMS = [
    Harm("3.1", SWAPS_LABELS, "Disagreement: 3.1 answers", frozenset({0})),
    Harm("3.2", FAILS_ONE_IN_FIFTY, "Errors: 3.2 has between", frozenset({0, 25, 50})),
    Harm("3.3", THREE_TIMES_SLOWER, "Slow answers: 3.3 has between", frozenset({25, 50})),
]


# The last two take a minute and a half.
@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(HARMS[0], id="wrong labels"),
        pytest.param(HARMS[1], id="failing on one image in fifty", marks=pytest.mark.releases),
        pytest.param(HARMS[2], id="three times slower", marks=pytest.mark.releases),
    ],
)
def test_a_bad_version_is_rolled_back_by_itself_and_the_guardrail_is_named(
    release: Callable[[str, str], Server], images: list[bytes], harm: Harm
) -> None:
    server = release(harm.version, harm.defect)
    status, record, said = walked(server, images, harm.version, "--steps", "25,50,100")
    assert status == 3, said
    assert record["state"] == "rolled back"
    assert str(record["reason"]).startswith(harm.guardrail), said
    path = server.run_dir / "history.jsonl"
    changes = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    assert max([change["after"].get(harm.version, 0) for change in changes], default=0) in harm.at
    now = server.ask("status")["versions"][harm.version]
    assert (now["effective_weight"], now["shadow_percent"]) == (0, 0)
