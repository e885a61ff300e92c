"""Gives one version all of the traffic; the others keep their workers."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.serving import traffic_file
from scripts.serving.live import Live


def main(
    version: Annotated[str, typer.Option(help="A registered version.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Give a version 100 % and every other one 0, in traffic.yaml and at the running edge."""
    with Live.attach(os.environ) as live:
        text = traffic_file.rewrite(live.wanted.places.traffic, split={version: 100})
        split = live.commit(text, "promote").split
    print(json.dumps({"split": split}) if as_json else f"{version} gets everything; `make rollback` undoes it")


if __name__ == "__main__":
    cli.run(main)
