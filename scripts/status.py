"""Says what runs: versions, weights, workers, arithmetic, health; with `--watch`, what it does, every two seconds."""

import contextlib
import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.serving import front, state, status, watch
from scripts.serving.live import Live
from scripts.serving.places import Places, shown


def main(
    watching: Annotated[bool, typer.Option("--watch", help="What each version does, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; with --watch, one a line.")] = False,
) -> None:
    """Print the state of the running server; exit 0 also when nothing runs."""
    if watching:
        with contextlib.suppress(KeyboardInterrupt):
            for seen in watch.looks(os.environ):
                print(json.dumps(seen) if as_json else watch.text(seen), flush=True)
        return
    run = Places.from_environment(os.environ).run
    running = state.running(run)
    if running is None or running.phase != "serving":
        phase = running.phase if running else "stopped"
        before = state.load(run)
        left_behind = list(before.leftovers()) if before and not running else []
        if as_json:
            print(json.dumps({"running": False, "phase": phase, "left_behind": left_behind}))
        else:
            # Another server may run from another RUN_DIR.
            where = "" if running else f": nothing runs from {shown(run)}"
            left = f"; left behind: {', '.join(left_behind)}; `make stop` ends them" if left_behind else ""
            print(f"{phase}{where}{left}")
        return
    if running.is_front:
        facts = front.facts(front.attached(os.environ, running))
        print(json.dumps(facts) if as_json else front.text(facts))
        return
    facts = status.collect(Live.look(os.environ))
    print(json.dumps(facts) if as_json else status.text(facts))


if __name__ == "__main__":
    cli.run(main)
