"""Brings web/openapi.json to its sources, and says whether it changed."""

import json
from typing import Annotated

import typer

from scripts import cli
from scripts.describing.document import document
from scripts.files import replace_file
from scripts.serving.places import REPOSITORY, shown

TARGET = REPOSITORY / "web" / "openapi.json"


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Write what the edge serves at /openapi.json."""
    wanted = text()
    changed = not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != wanted
    if changed:
        TARGET.parent.mkdir(exist_ok=True)
        replace_file(TARGET, wanted)
    if as_json:
        print(json.dumps({"changed": changed}))
    else:
        print(f"{shown(TARGET)} {'was brought' if changed else 'is'} up to date")


def text() -> str:
    """Return the file's content; raises as `document` does."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    cli.run(main)
