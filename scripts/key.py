"""Makes a caller's key, or revokes one, and brings a running edge to it."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving import key_change, keys


def main(
    name: Annotated[str, typer.Option(help="Who asks with it; the access log has this name.")],
    requests_per_s: Annotated[int | None, typer.Option(min=1, help="More are refused with 429.")] = None,
    burst: Annotated[int | None, typer.Option(min=1, help="As many at once after a pause.")] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it out instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a new key once and keep its hash, or take a key out; no request is lost."""
    limits = {name: limit for name, limit in (("requests_per_s", requests_per_s), ("burst", burst)) if limit}
    if revoke and limits:
        raise UserError("REVOKE=1 takes the key out with its limits; leave REQUESTS_PER_S and BURST out.")
    made: list[str] = []

    def edit(path: Path) -> str:
        if revoke:
            return keys.without(path, name)
        text, key = keys.with_new(path, name, limits)
        made.append(key)
        return text

    in_effect = key_change.make(os.environ, edit)
    left = key_change.left(os.environ)
    if as_json:
        print(json.dumps({"name": name, "key": made[0] if made else None, "keys": left, "in_effect": in_effect}))
        return
    for key in made:
        print(f"the key of {name}, which is not kept and not shown again:\n\n  {key}\n\nsend it as `x-api-key: <key>`")
    print(f"revoked {name}" if revoke else f"keys: {', '.join(left)}")
    print("in effect at the running edge" if in_effect else "in effect from the next start on: nothing runs here")
    if not left:
        print("no key is left: an edge on loopback takes requests without one, any other does not start")


if __name__ == "__main__":
    cli.run(main)
