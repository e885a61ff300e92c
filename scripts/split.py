"""Changes who answers how much, in traffic.yaml and at the running edge."""

import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving import traffic_file
from scripts.serving.live import Live


def main(
    weights: Annotated[list[str], typer.Argument(help='VERSION=PERCENT …, 100 in all: "1.0=90 2.0=10".')],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Change the split without losing a request; a version that is not named gets 0."""
    wanted = parse(" ".join(weights))
    with Live.attach(os.environ) as live:
        text = traffic_file.rewrite(live.wanted.places.traffic, split=wanted)
        split = live.commit(text, "split").split
    print(json.dumps({"split": split}) if as_json else "split: " + " ".join(f"{v}={w}" for v, w in split.items()))


def parse(words: str) -> dict[str, int]:
    """Return the percent by version.

    Raises:
        UserError: a word is not VERSION=PERCENT, or a version is named twice.
    """
    split: dict[str, int] = {}
    for word in words.replace(",", " ").split():
        version, separator, percent = word.rpartition("=")
        if not (separator and version and percent.isascii() and percent.isdigit()):
            raise UserError(f'{word!r} is no VERSION=PERCENT; write for example "1.0=90 2.0=10".')
        if version in split:
            raise UserError(f"{version} is named twice; name it once.")
        split[version] = int(percent)
    return split


if __name__ == "__main__":
    cli.run(main)
