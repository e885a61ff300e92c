"""A server that runs, and what changes it: one change at a time."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from scripts.errors import UserError
from scripts.files import replace_file, sweep
from scripts.locks import hold
from scripts.serving import ejections, eligible, exposure, history, processes, torchserve, traffic
from scripts.serving.edge import Edge
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.management import Description, Management
from scripts.serving.places import Places
from scripts.serving.running import attached, serving
from scripts.serving.traffic import Traffic
from scripts.signals import uninterrupted

# The supervisor's own changes take less (scripts.serving.ejecting, starting), most commands more.
_PATIENCE_S = 2.0
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
    def attach(cls, environment: Mapping[str, str], patience_s: float = _PATIENCE_S) -> Iterator[Self]:
        """Give the running server to one command that changes it, and refuse a second one after `patience_s`.

        Raises:
            UserError: nothing runs, another command changes it just now, or one of the operator's files has a mistake.
        """
        serving(environment)
        lock = Places.from_environment(environment).run / "change.lock"
        # The files are read once it is held: what was read before may be another command's yesterday.
        with hold(lock, "another command changes the running server just now; let it end first.", patience_s):
            live = cls.look(environment)
            exposure.require_key(live.wanted)
            for path in (live.wanted.places.traffic, live.wanted.places.config, live.wanted.places.keys):
                sweep(path)
            yield live

    @classmethod
    def look(cls, environment: Mapping[str, str]) -> Self:
        """Return the running server for somebody who changes nothing; a command may change it meanwhile.

        Raises:
            UserError: nothing runs, or one of the operator's files has a mistake.
        """
        wanted, running = attached(environment)
        run, name = wanted.places.run, wanted.spec.name
        model_log = torchserve.Folders(run / "torchserve").model_log
        edge = Edge.of(wanted)
        management = Management(running.ports.management, name, model_log)
        return cls(wanted, management, edge, Admin(running.ports.admin))

    def descriptions(self) -> dict[str, Description]:
        """Return the registered versions."""
        return {description.version: description for description in self.management.describe_all()}

    def route(self, wanted: Traffic, *, opening: Collection[str] = ()) -> None:
        """Bring the edge to `wanted`, which traffic.yaml has by now; `opening` is as `steer` takes it.

        Raises:
            UserError: Envoy refuses, or a version that gets traffic has no ready worker; nothing has changed then.
        """
        registered = self.descriptions()
        effective = eligible.without_ejected(wanted, registered, ejections.current(self.wanted.places.run))
        eligible.require(effective, registered, {*self.edge.opened(), *opening})
        self.steer(effective, registered, opening=opening)
        history.finish(self.wanted.places.run, wanted.split)

    def steer(
        self,
        wanted: Traffic,
        registered: Collection[str],
        *,
        opening: Collection[str] = (),
        closing: str | None = None,
    ) -> None:
        """Do the same without asking whether the versions can answer; every version whose own path is open keeps it.

        Args:
            wanted: the split and the shadow; they become the edge's.
            registered: the versions that TorchServe has.
            opening: versions whose own path is opened as well.
            closing: one that `wanted` does not name, whose own path is closed.

        Raises:
            UserError: Envoy refuses; nothing has changed then.
        """
        opened = {*self.edge.opened(), *opening} - {closing}
        self.edge.apply(wanted, [version for version in registered if version in opened])
        self.management.set_default(wanted.default)

    def catch_up(self, *, opening: Collection[str] = ()) -> None:
        """Bring the edge to traffic.yaml, but for versions of it that are not registered; `opening` as in `steer`.

        Raises:
            UserError: none of its versions can answer, or Envoy refuses; nothing has changed then.
        """
        registered = self.descriptions()
        reachable = self._reachable(registered, {*self.edge.opened(), *opening})
        self.steer(reachable, registered, opening=opening)
        if reachable == self.wanted.traffic:
            history.finish(self.wanted.places.run, reachable.split)

    def commit(self, text: str, reason: str, *, closing: str | None = None) -> Traffic:
        """Make `text` the content of traffic.yaml and bring the edge to it; return what it says.

        The history (scripts.serving.history) has it then, with `reason`. Killed on the way, it is brought to its end by
        being done again. `closing` is as `steer` takes it.

        Raises:
            UserError: it has a mistake or Envoy refuses it; the file is as it was.
        """
        path, run, now = self.wanted.places.traffic, self.wanted.places.run, self.wanted.traffic.split
        before = path.read_text()
        wanted = traffic.parse(text, path)
        registered = self.descriptions()
        out = ejections.current(self.wanted.places.run)
        eligible.require_no_more(wanted, self.wanted.traffic, out)
        effective = eligible.without_ejected(wanted, registered, out)
        eligible.require(effective, registered, self.edge.opened())
        history.begin(run, now, wanted.split, reason)
        try:
            replace_file(path, text)
            self.steer(effective, registered, closing=closing)
        except BaseException:
            with uninterrupted():
                if path.read_text() != before:  # A full disk would refuse even what is there already.
                    replace_file(path, before)
                history.take_back(run, now)
            raise
        history.finish(run, wanted.split)
        return wanted

    @contextmanager
    def drained(self, version: str) -> Iterator[None]:
        """Take a version out of the traffic for the length of a change, and bring the edge back to traffic.yaml after.

        When it can't answer after the change, its traffic stays with the others, and `make status` shows that.

        Raises:
            UserError: its requests did not end in time.
        """
        opened, registered = self.edge.opened(), self.descriptions()
        rest = eligible.without(self._reachable(registered, opened), version, registered)
        if rest is None:
            raise UserError(f"no other version can take the traffic of {version}.")
        self.steer(rest, registered, closing=version)
        try:
            if not self.emptied(version):
                raise UserError(f"version {version} still has requests after a while; it was left as it was.")
            yield
        finally:
            description = self.management.describe(version)
            if description is not None and description.ready:
                self.catch_up(opening={version} & set(opened))

    def emptied(self, version: str) -> bool:
        """Wait until neither the edge nor TorchServe has a request of a version; return whether they ended in time."""
        return processes.wait_until(lambda: self._idle(version), self.wanted.traffic.edge.timeout_s + _DRAIN_MARGIN_S)

    def _reachable(self, registered: Mapping[str, Description], opened: Collection[str]) -> Traffic:
        rest = eligible.without_ejected(self.wanted.traffic, registered, ejections.current(self.wanted.places.run))
        for version in rest.versions:
            if version not in registered or version not in opened:
                less = eligible.without(rest, version, registered)
                if less is None:
                    raise UserError("no version of traffic.yaml can answer; `make apply` registers them.")
                rest = less
        return rest

    def _idle(self, version: str) -> bool:
        description = self.management.describe(version)
        waiting = description.queue if description else 0
        return waiting == 0 and self.admin.active_by_version(version) == 0
