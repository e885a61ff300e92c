"""What runs in the run directory, and what one that is gone left there."""

from collections.abc import Iterator
from pathlib import Path

from scripts.doctoring.finding import Finding, broken, look, ok
from scripts.serving import ejections, state
from scripts.serving.places import shown


def findings(run: Path, stop: str = "make stop") -> list[Finding]:
    """Return what is found in a run directory; `stop` is the command that ends what runs there."""
    return list(_findings(run, stop))


def is_readable(run: Path) -> bool:
    """Return whether it is known what runs in a run directory, be it nothing."""
    try:
        state.load(run)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _findings(run: Path, stop: str) -> Iterator[Finding]:
    if not is_readable(run):
        path = run / "state.json"
        fix = f"end TorchServe and Envoy by hand if they run, then rm {shown(path)}"
        yield broken("server", f"{shown(path)} can't be read: what runs there is not known", fix)
        return
    known = state.load(run)
    if known is None:
        yield ok("server", f"none in {shown(run)}")
    elif not known.supervised:
        left = known.leftovers()
        if left:
            named = ", ".join(f"{name} (pid {record.pid})" for name, record in left.items())
            yield broken("server", f"{named} left behind by one that was killed, with its ports", stop)
        else:
            found = f"one was killed (pid {known.supervisor.pid}) and left its record in {shown(run)}"
            yield look("server", found, f"{stop}; or start again, which takes it away too")
    elif known.phase != "serving":
        yield look("server", f"{known.phase} (pid {known.supervisor.pid})", "wait; where it stays so: " + stop)
    else:
        yield ok("server", f"serves at {known.url} (pid {known.supervisor.pid})")
        for version, ejection in ejections.current(run).items():
            found = f"{version} is out of the split since {ejection.time}: {ejection.reason}"
            yield broken("server", found, f"read {shown(run)}/torchserve/logs/model_log.log, mend it, then make apply")
