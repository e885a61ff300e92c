"""The documents' commands, done in their order: each ends well, and answers in the shape that is shown."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.documents import blocks, world
from tests.documents.blocks import Block
from tests.documents.world import World

pytestmark = pytest.mark.documents

RUN = {path: [block for block in blocks.read(path) if block.is_run] for path in blocks.documents()}
# Between a command and its answer there is at most a line of words.
_NEAR = 3


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with world.made() as made:
        yield made


def ends_the_server(document: Path) -> bool:
    """Return whether a document's commands stop the server, or begin their own."""
    return any(block.remark(blocks.STAYS) is not None or "make stop" in block.text for block in RUN[document])


# Those that end it come last, or it would be started again for the next one.
@pytest.mark.parametrize("document", sorted(filter(RUN.get, RUN), key=ends_the_server), ids=str)
def test_the_commands_of_a_document_do_what_it_says(document: Path, shared: World) -> None:
    found = blocks.read(document)
    shared.put_back()
    if RUN[document][0].remark(blocks.STAYS) is None:
        shared.start()
    with contextlib.ExitStack() as stack:
        for block, following in zip(found, [*found[1:], None], strict=True):
            if not block.is_run:
                continue
            if block.remark(blocks.STAYS) is not None:
                stack.enter_context(shared.beside(block))
                continue
            done = shared.run(block)
            assert done.returncode == 0, f"{block}\n{block.text}\n{done.stdout}{done.stderr}"
            if following and following.language == "json" and _is_answer(following, block):
                assert shape(_printed(done.stdout)) == shape(json.loads(following.text)), str(following)


def shape(value: Any) -> Any:
    """Return what stays the same from one answer to the next: keys, and the kinds of their values."""
    match value:
        case dict():
            return {key: shape(each) for key, each in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case bool() | None:
            return type(value).__name__
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


def _is_answer(following: Block, block: Block) -> bool:
    end = block.line + block.text.count("\n") + 1
    return following.line - end <= _NEAR


def _printed(output: str) -> Any:
    with contextlib.suppress(ValueError):
        return json.loads(output)
    return json.loads(output.strip().splitlines()[-1])
