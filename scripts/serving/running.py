"""Which server runs in a run directory, and what the operator's files want of it now."""

from collections.abc import Mapping
from dataclasses import replace

from scripts.errors import UserError
from scripts.serving import state
from scripts.serving.installation import Installation
from scripts.serving.places import Places
from scripts.serving.state import State


def serving(environment: Mapping[str, str]) -> State:
    """Return the server that runs.

    Raises:
        UserError: nothing runs, it is not up yet, or MODEL names another model.
    """
    run = Places.from_environment(environment).run
    running = state.running(run)
    if running is None or running.phase != "serving":
        raise UserError(f"nothing serves in {run}; `make start` first.")
    require_same_model(running, environment)
    return running


def attached(environment: Mapping[str, str]) -> tuple[Installation, State]:
    """Return what the operator's files say now of the model that the running server has, and that server.

    Raises:
        UserError: as `serving` does, it is a front, or one of the operator's files has a mistake.
    """
    running = serving(environment)
    if running.is_front:
        raise UserError("what runs here is a front, which has no versions; give this command on each replica's host.")
    wanted = Installation.read({**environment, "MODEL": running.model})
    return replace(wanted, ports=running.ports), running


def require_same_model(running: State, environment: Mapping[str, str]) -> None:
    """Return when MODEL names no model or the one that is served.

    Raises:
        UserError: it names another.
    """
    asked = environment.get("MODEL") or running.model
    if asked != running.model:
        raise UserError(
            f"the server that runs serves MODEL={running.model}, not {asked}; leave MODEL out, or `make stop` first."
        )
