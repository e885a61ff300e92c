"""The walk: one step after the other while nothing speaks against it, and back at once when something does."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.canarying import guards
from scripts.canarying.looking import Look, Overtaken, look, overtaken
from scripts.canarying.plan import Plan
from scripts.canarying.record import Record
from scripts.errors import UserError
from scripts.locks import Taken
from scripts.serving import history, traffic_file
from scripts.serving.live import Live
from scripts.serving.places import Places
from scripts.signals import uninterrupted

LOOK_S = 5.0
# Looking costs at most a twentieth of one core, however long the logs are.
_IDLE_TO_BUSY = 19
_TOLD_EVERY_S = 30.0
# Another command's change, or a restart of the server, lasts less.
_PATIENCE_S = 60.0
# A worker that died is back in five; what takes longer is no accident.
_READY_WITHIN_S = 20.0


class Breach(Exception):
    """A guardrail was crossed; its text says which."""


@dataclass(frozen=True)
class Walk:
    """One canary in this process.

    Attributes:
        environment: that says where things are.
        labels: labels.csv, or None.
        tell: gets a line for a person.
    """

    environment: Mapping[str, str]
    labels: Path | None
    tell: Callable[[str], None]

    @property
    def run(self) -> Path:
        """The run folder."""
        return Places.from_environment(self.environment).run

    def to_the_end(self, record: Record) -> Record:
        """Return the record of a canary that was promoted or rolled back.

        Raises:
            Overtaken: somebody else changed the weights; they stay as they are.
            UserError: the server is away, or refuses the change; the weights stay as they are, and the record says that
                the canary has not ended.
        """
        try:
            for percent in self._remaining(record):
                record = self._step(record, percent)
                if percent < record.plan.steps[-1]:
                    self._hold(record)
        except Breach as breach:
            return self._back(record, str(breach))
        except Overtaken as error:
            self._end_copies(record)
            replace(record, state="ended", reason=str(error)).save(self.run)
            raise
        except UserError:
            raise
        except BaseException:
            with uninterrupted():
                self._back(record, "The canary was interrupted.")
            raise
        return replace(record, state="promoted").save(self.run)

    @staticmethod
    def _remaining(record: Record) -> list[int]:
        copies = [0] if record.plan.copied else []
        return [percent for percent in [*copies, *record.plan.steps] if percent >= record.percent]

    def _step(self, record: Record, percent: int) -> Record:
        plan = record.plan
        self._change(plan, percent, copies=percent == 0, reason=history.canary(plan.version))
        weights = " ".join(f"{version}={weight}" for version, weight in plan.split(percent).items() if weight)
        self.tell(f"{percent} %: {weights}" if percent else f"{plan.version} gets copies of {plan.copied} %")
        return replace(record, state="step" if percent else "shadow", percent=percent).save(self.run)

    def _hold(self, record: Record) -> None:
        """Return when the step has lasted long enough; raises Breach, or what `look` raises for too long."""
        plan = record.plan
        began = told = ready = time.monotonic()
        before: int | None = None
        while True:
            begun = time.monotonic()
            found = self._look(record)
            if found.ejected:
                raise Breach(f"{plan.version} was taken out of the split, for {found.ejected}.")
            if found.report is not None and (reasons := guards.breaches(found.report, plan)):
                raise Breach(" ".join(reasons))
            ready = time.monotonic() if found.ready else ready
            if time.monotonic() - ready > _READY_WITHIN_S:
                raise Breach(f"{plan.version} has had no worker that is ready for {_READY_WITHIN_S:.0f} s.")
            before = found.answered(record) if before is None else before
            answered, now = found.answered(record) - before, time.monotonic()
            if answered >= plan.requests and now - began >= plan.hold_s:
                self.tell(f"  {found.figures(plan)}")
                return
            if now - told >= _TOLD_EVERY_S:
                told = now
                self.tell(f"  {answered} of {plan.requests} requests; {found.figures(plan)}")
            time.sleep(max(LOOK_S, _IDLE_TO_BUSY * (now - begun)))

    def _look(self, record: Record) -> Look:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return look(self.environment, record, self.labels, self.tell)
            except Overtaken:
                raise
            except UserError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_S)

    def _back(self, record: Record, reason: str) -> Record:
        plan = record.plan
        try:
            self._change(plan, 0, copies=False, reason=f"canary {plan.version} rolled back: {reason}")
        except Overtaken:
            raise
        except UserError as error:
            raise UserError(f"{reason} And it could not be rolled back: {error}") from error
        return replace(record, state="rolled back", percent=0, reason=reason).save(self.run)

    def _end_copies(self, record: Record) -> None:
        with Live.attach(self.environment) as live:
            shadow = live.wanted.traffic.shadow
            if record.state == "shadow" and shadow is not None and shadow.version == record.plan.version:
                live.commit(traffic_file.rewrite(live.wanted.places.traffic, shadow=None), "shadow")

    def _change(self, plan: Plan, percent: int, *, copies: bool, reason: str) -> None:
        shadow: traffic_file.NewShadow = {"version": plan.version, "percent": plan.copied} if copies else None
        if not plan.copied:
            shadow = "keep"
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with Live.attach(self.environment) as live:
                    if not plan.has_set(live.wanted.traffic.split):
                        raise overtaken(plan, live.wanted.traffic.split)
                    path = live.wanted.places.traffic
                    live.commit(traffic_file.rewrite(path, split=plan.split(percent), shadow=shadow), reason)
                return
            except Taken:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
