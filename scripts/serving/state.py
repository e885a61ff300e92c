"""What runs in a run directory, written down, so that it can be found and ended whatever happened to its supervisor."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from scripts.files import replace_file
from scripts.pipeline.spec import DEFAULT_MODEL
from scripts.serving import processes
from scripts.serving.places import Ports
from scripts.serving.processes import Record

Phase = Literal["starting", "serving", "stopping"]
# TorchServe ends its workers in order within a second; a busy machine gets more.
_PATIENCE_S = 15.0


@dataclass(frozen=True)
class State:
    """One supervisor and its servers.

    Attributes:
        phase: how far it is.
        supervisor: the process that watches the others.
        servers: `torchserve`, `envoy` and `exporter`, as far as they were started.
        ports: those in use.
        url: the edge's address.
        model: the folder of models/ that is served.
        address: at which the edge listens.
    """

    phase: Phase
    supervisor: Record
    ports: Ports
    url: str
    model: str
    servers: dict[str, Record] = field(default_factory=dict)
    address: str = "127.0.0.1"

    @property
    def supervised(self) -> bool:
        """Whether the supervisor runs."""
        return self.supervisor.alive()

    @property
    def is_front(self) -> bool:
        """Whether this is an edge over other hosts, once it serves: without a TorchServe of its own."""
        return "torchserve" not in self.servers

    def leftovers(self) -> dict[str, Record]:
        """Return the servers of which something still runs."""
        return {name: record for name, record in self.servers.items() if record.members()}

    def save(self, run: Path) -> "State":
        """Write it down and return it."""
        run.mkdir(parents=True, exist_ok=True)
        replace_file(_path(run), json.dumps(asdict(self), indent=2) + "\n")
        return self

    def with_server(self, name: str, record: Record) -> "State":
        """Return the state with one more server."""
        return replace(self, servers=self.servers | {name: record})


def load(run: Path) -> State | None:
    """Return what was written down in `run`, or None."""
    try:
        document = json.loads(_path(run).read_text())
    except FileNotFoundError:
        return None
    return State(
        phase=document["phase"],
        supervisor=Record(**document["supervisor"]),
        ports=Ports(**document["ports"]),
        url=document["url"],
        # A server that was started before there was a choice.
        model=document.get("model", DEFAULT_MODEL),
        servers={name: Record(**record) for name, record in document["servers"].items()},
        address=document.get("address", State.address),
    )


def running(run: Path) -> State | None:
    """Return the state of a supervisor that runs, or None."""
    state = load(run)
    return state if state and state.supervised else None


def clean_up(run: Path) -> list[str]:
    """End what a supervisor that is gone left behind, and forget it; return the servers' names."""
    state = load(run)
    if state is None:
        return []
    left = state.leftovers()
    for name in ("exporter", "envoy", "torchserve"):  # the edge before what it leads to: nothing is let in any more
        if name in left:
            processes.end(left[name], _PATIENCE_S)
    _path(run).unlink(missing_ok=True)
    return list(left)


def _path(run: Path) -> Path:
    return run / "state.json"
