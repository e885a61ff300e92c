"""Each test that SECURITY.md calls upon is there."""

import ast
import re

import pytest

from scripts.serving.places import REPOSITORY

CALLED_UPON = re.findall(r"`([\w/]+/test_\w+\.py)(?:::(\w+))?`", (REPOSITORY / "SECURITY.md").read_text())


@pytest.mark.parametrize("path", sorted({path for path, _ in CALLED_UPON}))
def test_the_tests_of_security_md_are_there(path: str) -> None:
    tree = ast.parse((REPOSITORY / "tests" / path).read_text())
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name for called, name in CALLED_UPON if called == path and name} <= there
