"""Documents lead only to what is there."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts.serving.places import REPOSITORY
from tests.documents import links

DOCUMENTS = links.documents()
_NAMED = re.compile(r"\bdocs/[\w-]+\.md(?:#[\w-]+)?")
_SOURCES = ("handler", "scripts", "deploy", "load_tests", "benchmarks", "models")
_OPERATORS = ("Makefile", "config.properties", "traffic.yaml")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_and_picture_of_a_document_leads_somewhere(document: Path) -> None:
    found = [links.broken(document, target) for target in links.targets(document)]
    assert [wrong for wrong in found if wrong] == []


def test_links_are_found_in_tables_and_lists_and_headings_with_their_code() -> None:
    """Otherwise nothing would ever be broken."""
    assert "canary.md" in links.targets(Path("docs/README.md"))
    assert "docs/pictures/architecture.svg" in links.targets(Path("README.md"))
    assert "trafficyaml" in links.anchors(Path("docs/configuration.md"))
    assert links.broken(Path("docs/README.md"), "canary.md#nowhere") == "canary.md#nowhere: no such heading"
    assert links.broken(Path("docs/README.md"), "nowhere.md") == "nowhere.md: no such file"


def test_every_guide_can_be_reached_from_the_index() -> None:
    reached = {(Path("docs") / target.partition("#")[0]).name for target in links.targets(Path("docs/README.md"))}
    guides = {path.name for path in DOCUMENTS if path.parent == Path("docs")} - {"README.md"}
    assert guides <= reached


def test_every_committed_model_is_in_the_list_of_models() -> None:
    specs = subprocess.run(
        ["git", "ls-files", "models/*/spec.yaml"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    listed = set(re.findall(r"\w+", (REPOSITORY / "models" / "README.md").read_text()))
    assert {Path(spec).parent.name for spec in specs} <= listed


def test_documents_that_code_and_configuration_name_are_there() -> None:
    sources = [path for folder in _SOURCES for path in (REPOSITORY / folder).rglob("*") if _is_text(path)]
    texts = [path.read_text() for path in (*sources, *(REPOSITORY / name for name in _OPERATORS))]
    named = {target for text in texts for target in _NAMED.findall(text)}
    assert len(named) > 10
    assert [wrong for target in sorted(named) if (wrong := links.broken(Path("README.md"), target))] == []


def test_every_make_verb_that_a_document_names_exists() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
    for document in DOCUMENTS:
        text = (REPOSITORY / document).read_text()
        code = re.findall(r"^```sh\n.*?^```|`[^`\n]+`", text, flags=re.DOTALL | re.MULTILINE)
        named = {verb for part in code for verb in re.findall(r"(?<![\w-])make ([a-z][a-z-]*)", part)}
        assert named <= verbs, document


def _is_text(path: Path) -> bool:
    return path.suffix in {".py", ".yaml", ".yml", ".j2", ".json", ".jinja"} and "node_modules" not in path.parts
