"""Take the images that workers kept into a folder for labelling: `make harvest`.

    python -m scripts.harvest --out harvest

What is kept, and what becomes of it: docs/harvest.md.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.harvesting import answers, out
from scripts.harvesting.bringing import Brought, bring
from scripts.harvesting.kept import kept
from scripts.locks import hold
from scripts.pipeline.data.folder import UNLABELLED
from scripts.serving import state
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY, Places, shown
from scripts.serving.running import require_same_model

OUT = REPOSITORY / "harvest"


def main(
    to: Annotated[Path, typer.Option("--out", help="the folder that is labelled; made, or added to")] = OUT,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Bring what was kept into OUT/unlabelled, each image once."""
    wanted = _wanted()
    source = wanted.places.harvest / wanted.spec.name
    _require(source, wanted)
    with hold(wanted.places.run / "harvest.lock", "another `make harvest` takes the images just now; let it end."):
        unusable = out.prepare(to, wanted.spec.labels, source)
        images = kept(source)
        pairs, malformed = (
            answers.pairs(wanted.places.run, wanted.spec.name, {one.digest for one in images}) if images else ({}, [])
        )
        found = bring(images, pairs, to)
    waiting = len(out.images(to / UNLABELLED))
    if as_json:
        print(json.dumps({"out": str(to), **asdict(found), "unlabelled": waiting, "no_folder": unusable}))
        return
    print(_came(found, to))
    if waiting:
        train = f"make train MODEL={wanted.model}_2 DATA={shown(to)} FROM={wanted.model}"
        print(f"{waiting} wait there: move each into the folder of its label, then for example `{train}`")
    for sentence in (*_hints(wanted, found, unusable), *(f"left out: {each.text}" for each in malformed)):
        print(sentence)


def _wanted() -> Installation:
    """Return what the operator's files say of the model that runs, or else that MODEL names."""
    running = state.running(Places.from_environment(os.environ).run)
    if running is None:
        return Installation.read(os.environ)
    require_same_model(running, os.environ)
    return Installation.read({**os.environ, "MODEL": running.model})


def _require(source: Path, wanted: Installation) -> None:
    """Return when there is a folder with images, or with room for them.

    Raises:
        UserError: there is none, or it can't be read.
    """
    try:
        os.listdir(source)
    except FileNotFoundError:
        config = shown(wanted.places.config)
        fix = "start it with" if wanted.config.harvests else f"set handler.harvest=on in {config}, then"
        raise UserError(
            f"{shown(source)}: there is no such folder, so no server has kept images of {wanted.spec.name} here; "
            f"{fix} `{wanted.restart}`."
        ) from None
    except OSError as error:
        raise UserError(f"{source}: can't be read ({error.strerror}); run this as who runs the server.") from error


def _came(found: Brought, to: Path) -> str:
    count = found.low_margin + found.disagree
    if not count:
        return f"no new image for {shown(to)}"
    reasons = f"{found.low_margin} with a low margin, {found.disagree} on which versions disagree"
    return f"{count} {'image' if count == 1 else 'images'} came into {shown(to / UNLABELLED)}: {reasons}"


def _hints(wanted: Installation, found: Brought, unusable: list[str]) -> Iterator[str]:
    if unusable:
        names = ", ".join(map(repr, unusable))
        yield f"no folder can be named after {names}: label such images in a table (docs/training.md)"
    if not wanted.config.harvests:
        yield f"handler.harvest is off in {shown(wanted.places.config)}: no more are kept"
    elif not wanted.config.logs_predictions:
        yield "only with handler.prediction_log=on can it be told on which images versions disagree"
    if found.stay:
        yield f"{found.stay} copies stay: their versions agree, or have not both answered yet"


if __name__ == "__main__":
    cli.run(main)
