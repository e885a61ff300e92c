"""Lets a version have copies of the traffic; nobody sees its answers."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving import traffic_file
from scripts.serving.live import Live
from scripts.serving.traffic import Shadow


def main(
    percent: Annotated[int, typer.Option(min=0, max=100, help="Of the split's requests; 0 ends the shadow.")],
    version: Annotated[str, typer.Option(help="A registered version.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Change the shadow in traffic.yaml and at the running edge."""
    if percent and not version:
        raise UserError("name the shadow's version: --version 2.0.")
    wanted = Shadow(version=version, percent=percent) if percent else None
    with Live.attach(os.environ) as live:
        shadow = wanted.model_dump() if wanted else None
        live.commit(traffic_file.rewrite(live.wanted.places.traffic, shadow=shadow), "shadow")
    if as_json:
        print(json.dumps({"shadow": wanted and wanted.model_dump()}))
    else:
        print(f"shadow: {version} gets copies of {percent} %" if wanted else "shadow: none")


if __name__ == "__main__":
    cli.run(main)
