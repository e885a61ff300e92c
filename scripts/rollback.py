"""Puts the split back that was in effect before the last change."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving import history, traffic_file
from scripts.serving.live import Live


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Undo the last `split`, `promote` or `rollback`."""
    with Live.attach(os.environ) as live:
        places = live.wanted.places
        previous = history.previous(places.run, live.wanted.traffic.split)
        if previous is None:
            raise UserError(f"{places.run} knows of no change of the split, so there is nothing to go back to.")
        split = live.commit(traffic_file.rewrite(places.traffic, split=previous), history.ROLLBACK).split
    print(json.dumps({"split": split}) if as_json else "split: " + " ".join(f"{v}={w}" for v, w in split.items()))


if __name__ == "__main__":
    cli.run(main)
