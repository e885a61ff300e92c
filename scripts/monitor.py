"""Watches the running server with a local Prometheus, rules loaded, until Ctrl-C."""

import contextlib
import json
import os
from typing import Annotated

import typer

from scripts import cli
from scripts.errors import UserError
from scripts.serving import monitoring, processes
from scripts.serving.monitoring import Prometheus
from scripts.serving.running import attached


def main(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when ready.")] = False) -> None:
    """Run Prometheus in the foreground; exit 0 after Ctrl-C."""
    wanted, running = attached(os.environ)
    prometheus = Prometheus.find(wanted.places.run, os.environ)
    process = prometheus.start(monitoring.render(running.ports, wanted.spec.name))
    record = processes.Record.of(process.pid)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            told = json.dumps({"url": prometheus.url}) if as_json else _text(prometheus.url)
            print(told, flush=True)
            process.wait()
            raise UserError(f"prometheus ended by itself; {prometheus.last_words()}.")
    finally:
        processes.end(record, 10)
        process.wait()


def _text(url: str) -> str:
    return f"Prometheus at {url}\n  alerts: {url}/alerts\n  targets: {url}/targets\nCtrl-C ends it"


if __name__ == "__main__":
    cli.run(main)
