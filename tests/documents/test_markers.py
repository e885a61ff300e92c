"""Every command block is run, or says why not and what shows it otherwise."""

import re

import pytest

from scripts.serving.places import REPOSITORY
from tests.documents import blocks, calls
from tests.documents.blocks import Block

ALL = [block for document in blocks.documents() for block in blocks.read(document)]
_PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*\w|\b[\w-]+\.md\b")
# Tests, and what was measured or trained and is committed.
_SHOWS = ("tests/", ".ci/", "benchmarks/results/", "models/")


def test_commands_are_blocks_of_sh_or_python() -> None:
    """Otherwise they would be missed."""
    assert [str(block) for block in ALL if block.language in blocks.MISSED] == []
    typed = re.compile(r"(make|curl|docker|kubectl) [^→]*")
    assert [str(block) for block in ALL if not block.language and typed.fullmatch(block.text)] == []


@pytest.mark.parametrize("block", [block for block in ALL if block.remark(blocks.NOT_RUN) is not None], ids=str)
def test_what_shows_a_block_that_is_not_run_exists(block: Block) -> None:
    reason = block.remark(blocks.NOT_RUN)
    assert reason, f"{block}: say why it is not run"
    paths = _PATH.findall(reason)
    assert any(path.startswith(_SHOWS) for path in paths), f"{block}: name the test that shows it otherwise"
    missing = [path for path in paths if not (REPOSITORY / path).exists()]
    assert missing == [], str(block)


@pytest.mark.parametrize("block", [block for block in ALL if block.remark(blocks.RUN_BY) is not None], ids=str)
def test_the_test_that_runs_a_block_calls_its_verbs_with_their_options(block: Block) -> None:
    tests = [REPOSITORY / name for name in (block.remark(blocks.RUN_BY) or "").split(" and ")]
    assert [str(path) for path in tests if not path.is_file()] == [], str(block)
    found = calls.of_block(block.text)
    assert found, f"{block}: no verb of make or scripts is in it; say `not run here:` and why"
    assert calls.missing(found, tests) == [], f"{block}: in none of {tests}"


def test_a_test_that_leaves_out_an_option_does_not_run_the_block() -> None:
    loop = REPOSITORY / "tests/integration/test_loop.py"
    assert calls.missing(calls.of_block("make retire VERSION=1.0"), [loop]) == []
    assert calls.missing(calls.of_block("make shadow VERSION=2.0 PERCENT=20"), [loop]) == ["shadow --percent --version"]
    assert calls.missing(calls.of_block("make archive MODEL=pets VERSION=1.0 PRECISION=int8"), [loop]) == []
    assert calls.missing(calls.of_block("make train MODEL=pets RESTART=1"), [loop]) == ["train --model --restart"]
