"""Every command block is run, or says why not and what shows it otherwise."""

import re

import pytest

from scripts.serving.places import REPOSITORY
from tests.documents import blocks
from tests.documents.blocks import Block

ALL = [block for document in blocks.documents() for block in blocks.read(document)]
_PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*\w|\b[\w-]+\.md\b")


def test_commands_are_blocks_of_sh_or_python() -> None:
    """Otherwise they would be missed."""
    assert [str(block) for block in ALL if block.language in blocks.MISSED] == []
    unnamed = [block for block in ALL if not block.language and re.match(r"(make|curl|docker|kubectl) ", block.text)]
    assert [str(block) for block in unnamed] == []


@pytest.mark.parametrize("block", [block for block in ALL if block.remark(blocks.NOT_RUN) is not None], ids=str)
def test_what_shows_a_block_that_is_not_run_exists(block: Block) -> None:
    reason = block.remark(blocks.NOT_RUN)
    assert reason, f"{block}: say why it is not run"
    missing = [path for path in _PATH.findall(reason) if not (REPOSITORY / path).exists()]
    assert missing == [], str(block)
