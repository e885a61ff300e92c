"""Strikes a product of its own with one fault after the other, under load, and prints what was lost.

Run as `python -m benchmarks.chaos`, or `make chaos`. Callers send thirty images a second throughout; one who is
refused or cut off asks again, as a client should, for thirty seconds. Then the same with two hosts behind a front edge,
where nobody may have to.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import product
from benchmarks.chaos import front
from benchmarks.chaos.callers import Callers
from benchmarks.chaos.faults import ON_ONE_HOST, Fault, full_disk
from benchmarks.chaos.host import Host
from benchmarks.chaos.outcome import Outcome
from benchmarks.product import MODEL, Files
from scripts import cli
from scripts.markdown import table
from scripts.pipeline.data import elpv
from scripts.serving import processes
from scripts.serving.places import REPOSITORY, Places

RESULT = REPOSITORY / "benchmarks" / "results" / "chaos.md"
# Without a failed try, the fault is over for the callers.
_QUIET_S = 3.0
_OVER_WITHIN_S = 60.0


def one_host(folder: Path, images: Sequence[bytes], tell: Callable[[str], None]) -> Iterator[Outcome]:
    """Give the outcome of each fault of one host."""
    with ExitStack() as stack:
        mounted = stack.enter_context(_disk(folder))
        host = stack.enter_context(_host(folder, "one", images[0]))
        callers = Callers(f"{host.url}/predictions/{MODEL}", images)
        stack.enter_context(callers.calling())
        faults = list(ON_ONE_HOST)
        if mounted:
            faults.append(Fault("the disk is full for 5 s", full_disk))
        else:
            yield Outcome("the disk is full for 5 s", refused="only root can mount a small disk")
        for fault in faults:
            yield _struck(fault, host, callers, host.healthy, tell)


def two_hosts(folder: Path, images: Sequence[bytes], tell: Callable[[str], None]) -> Iterator[Outcome]:
    """Give the outcome of each fault of one of two hosts behind a front; nobody may have to ask again."""
    with ExitStack() as stack:
        hosts = [
            stack.enter_context(_host(folder, f"host{number}", images[0], {"EDGE_ADDRESS": address}))
            for number, address in enumerate(front.ADDRESSES)
        ]
        before = stack.enter_context(front.running(folder / "front", hosts))
        callers = Callers(f"{before.url}/predictions/{MODEL}", images)
        stack.enter_context(callers.calling())
        for fault in front.BEHIND_A_FRONT:
            yield _struck(fault, hosts[0], callers, before.healthy, tell)


def _struck(
    fault: Fault, host: Host, callers: Callers, healthy: Callable[[], bool], tell: Callable[[str], None]
) -> Outcome:
    """Return what became of the callers, from the fault to when all is well again."""
    struck_s = time.monotonic()
    fault.strike(host)
    time.sleep(_QUIET_S)  # or the quiet before it would count
    processes.wait_until(lambda: callers.quiet(_QUIET_S) and healthy(), _OVER_WITHIN_S + _QUIET_S, pause_s=0.2)
    outcome = Outcome.of(fault.name, fault.within_s, struck_s, callers.since(struck_s))
    tell(f"{fault.name}: {outcome.lost} of {outcome.requests} lost, {outcome.recovery_s:.1f} s")
    return outcome


@contextmanager
def _host(folder: Path, name: str, image: bytes, variables: Mapping[str, str] | None = None) -> Iterator[Host]:
    """Start a product with a model store of its own."""
    store = folder / f"{name}-store"
    store.mkdir()
    for path in Places.from_environment(os.environ).model_store.glob(f"{MODEL}-[12].0.mar*"):
        shutil.copy(path, store)
    with product.running(
        folder / name, image, Files.shipped(), {"MODEL_STORE": str(store), **(variables or {})}
    ) as running:
        yield Host(running)


@contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    """Have `folder` on a small disk of its own for the length of a block; say whether it is."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the table as Markdown."""
    head = ("fault", "requests", "lost", "asked again", "recovery s", "tries that failed")
    lines = [
        "# Faults",
        "",
        f"Written by `make chaos`, on {os.cpu_count()} cores. Thirty images a second throughout; who is refused or cut "
        "off asks again for thirty seconds, then the request is lost. Recovery: from the fault to the last try that "
        "failed.",
        "",
        table(head, [outcome.row() for outcome in outcomes]),
        "",
        "Nothing was lost." if not any(outcome.lost for outcome in outcomes) else "**Requests were lost.**",
    ]
    return "\n".join(lines)


def main(out: Annotated[Path, typer.Option(help="Where the table is written.")] = RESULT) -> None:
    """Strike, print the table and write it; exit 1 when a request was lost or a recovery took too long."""
    images = [cell.path.read_bytes() for cell in islice(elpv.cells(), 0, None, 90)]

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="chs-") as name:
        folder = Path(name).resolve()
        outcomes = [*one_host(folder, images, tell), *two_hosts(folder, images, tell)]
    text = report(outcomes)
    out.write_text(text + "\n")
    print(text)
    if not all(outcome.good for outcome in outcomes):
        raise typer.Exit(1)


if __name__ == "__main__":
    cli.run(main)
