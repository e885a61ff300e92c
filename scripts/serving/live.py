"""A server that runs, and what changes it: one change at a time."""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving import history, processes, state, torchserve, traffic
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.management import Description, Management
from scripts.serving.places import Places
from scripts.serving.state import State
from scripts.serving.traffic import Traffic
from scripts.signals import uninterrupted

# A worker that loads a model on a busy machine.
READY_WITHIN_S = 50.0
# Longer than any request may take (the edge's time-out) would be pointless; shorter would give up too soon.
_DRAIN_MARGIN_S = 10.0


@dataclass(frozen=True)
class Live:
    """The running server of a run directory.

    Attributes:
        wanted: what the operator's files say now, with the ports that the server has.
        management: TorchServe's management API.
        edge: the edge's files.
        admin: Envoy's admin interface.
    """

    wanted: Installation
    management: Management
    edge: Edge
    admin: Admin

    @classmethod
    @contextmanager
    def attach(cls, environment: Mapping[str, str]) -> Iterator[Self]:
        """Give the running server to one caller at a time.

        Raises:
            UserError: nothing runs, or one of the operator's files has a mistake.
        """
        wanted, running = attached(environment)
        run = wanted.places.run
        model_log = torchserve.Folders(run / "torchserve").model_log
        with (
            (run / "change.lock").open("w") as lock,
            Management(running.ports.management, wanted.spec.name, model_log) as management,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield cls(wanted, management, Edge(run, running.ports, wanted.spec.name), Admin(running.ports.admin))

    def descriptions(self) -> dict[str, Description]:
        """Return the registered versions."""
        return {description.version: description for description in self.management.describe_all()}

    def route(self, wanted: Traffic) -> None:
        """Bring the edge to `wanted`; every registered version keeps its own path.

        Raises:
            UserError: Envoy refuses, or a version that gets traffic has no ready worker; nothing has changed then.
        """
        require_ready(wanted, self.descriptions())
        self.steer(wanted)

    def steer(self, wanted: Traffic) -> None:
        """Do the same without asking whether the versions can answer.

        Raises:
            UserError: Envoy refuses; nothing has changed then.
        """
        self.edge.apply(wanted, self.descriptions())
        self.management.set_default(wanted.default)

    def commit(self, text: str, reason: str) -> Traffic:
        """Make `text` the content of traffic.yaml and bring the edge to it; return what it says.

        The history (scripts.serving.history) has it then, with `reason`.

        Raises:
            UserError: it has a mistake or Envoy refuses it; the file is as it was.
        """
        path = self.wanted.places.traffic
        before = path.read_text()
        wanted = traffic.parse(text, path)
        require_ready(wanted, self.descriptions())
        replace_file(path, text)
        try:
            self.route(wanted)
        except BaseException:
            with uninterrupted():
                replace_file(path, before)
            raise
        history.add(self.wanted.places.run, self.wanted.traffic.split, wanted.split, reason)
        return wanted

    def register(self, version: str) -> None:
        """Register a version whose archive was built, and wait until it answers on its own path.

        Raises:
            UserError: the archive is missing or was changed, or its worker does not come up; it is taken out again.
        """
        places, model = self.wanted.places, self.wanted.spec.name
        settings = self.wanted.config.version(model, version)
        self.wanted.verified(version)
        self.management.register(places.archive(model, version), settings)
        try:
            self.management.wait_ready(version, settings.min_workers, READY_WITHIN_S)
        except BaseException:
            # Otherwise TorchServe would start its worker again and again.
            with contextlib.suppress(UserError):  # It may be gone already; the cause is what is to be read.
                self.management.unregister(version)
            raise

    def require_same(self, version: str) -> None:
        """Return when a registered version is what its archive holds.

        Raises:
            UserError: the archive was changed, or built anew with other content since it was registered.
        """
        archived, running = self.wanted.verified(version), self.management.customized(version)
        if running and running.get("digest") != archived.digest:
            raise UserError(
                f"version {version} runs with other content than its archive now has; build that under a new version, "
                f"or `{self.wanted.restart}`."
            )

    @contextmanager
    def drained(self, version: str) -> Iterator[None]:
        """Take a version out of the traffic for the length of a change, and bring the edge back to traffic.yaml after.

        When it can't answer after the change, its traffic stays with the others, and `make status` shows that.

        Raises:
            UserError: its requests did not end in time.
        """
        rest = without(self.wanted.traffic, version, self.descriptions())
        if rest is None:
            raise UserError(f"no other version can take the traffic of {version}.")
        self.edge.apply(rest, [name for name in self.descriptions() if name != version])
        self.management.set_default(rest.default)
        try:
            timeout_s = self.wanted.traffic.edge.timeout_s + _DRAIN_MARGIN_S
            if not processes.wait_until(lambda: self._idle(version), timeout_s):
                raise UserError(f"version {version} still has requests after {timeout_s:.0f} s; it was left as it was.")
            yield
        finally:
            description = self.management.describe(version)
            if description is not None and description.ready:
                self.steer(self.wanted.traffic)

    def _idle(self, version: str) -> bool:
        description = self.management.describe(version)
        waiting = description.queue if description else 0
        return waiting == 0 and self.admin.active_by_version(version) == 0


def attached(environment: Mapping[str, str]) -> tuple[Installation, State]:
    """Return what the operator's files say now of the model that the running server has, and that server.

    Raises:
        UserError: nothing runs, MODEL names another model, or one of the operator's files has a mistake.
    """
    run = Places.from_environment(environment).run
    running = state.running(run)
    if running is None or running.phase != "serving":
        raise UserError(f"nothing serves in {run}; `make start` first.")
    require_same_model(running, environment)
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


def require_ready(wanted: Traffic, registered: Mapping[str, Description]) -> None:
    """Return when every version that `wanted` names is registered, and can answer where it gets requests.

    Raises:
        UserError: one can't, with the command that mends it.
    """
    idle = {version for version, weight in wanted.split.items() if weight == 0}
    idle -= {wanted.shadow.version} if wanted.shadow else set()
    for version in wanted.versions:
        description = registered.get(version)
        # Without traffic, too: the next start registers whatever traffic.yaml names.
        if description is None:
            raise UserError(f"version {version} is not registered; `make register VERSION={version}` first.")
        if not description.ready and version not in idle:
            raise UserError(
                f"version {version} has no worker that is ready ({', '.join(description.workers) or 'none'}); "
                f"`make scale VERSION={version} WORKERS=1`, or see `make status`."
            )


def without(wanted: Traffic, version: str, registered: Mapping[str, Description]) -> Traffic | None:
    """Return `wanted` with the share of `version` given to the greatest other; None when no other can answer."""
    split = {name: weight for name, weight in wanted.split.items() if name != version}
    able = [name for name in split if name in registered and registered[name].ready]
    if not able:
        return None
    heir = max(able, key=lambda name: split[name])
    split[heir] += wanted.split.get(version, 0)
    shadow = wanted.shadow if wanted.shadow and wanted.shadow.version != version else None
    return wanted.model_copy(update={"split": split, "shadow": shadow})
