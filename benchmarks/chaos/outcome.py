"""What became of the callers of one fault."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.chaos.callers import Request


@dataclass(frozen=True)
class Outcome:
    """One fault and its callers.

    Attributes:
        fault: its name.
        requests: that were first sent from the fault on, until all was well for some seconds.
        again: of these, answered only after they were asked again.
        lost: of these, without an answer after thirty seconds of asking.
        failures: what came of the tries that failed, and how often.
        recovery_s: from the fault to the last try that failed; 0: none did.
        within_s: the bound of that; None: none.
        refused: why the fault could not be tried here; empty where it was.
    """

    fault: str
    requests: int = 0
    again: int = 0
    lost: int = 0
    failures: tuple[tuple[str, int], ...] = ()
    recovery_s: float = 0.0
    within_s: float | None = None
    refused: str = ""

    @classmethod
    def of(cls, fault: str, within_s: float | None, struck_s: float, requests: Sequence[Request]) -> "Outcome":
        """Return the outcome of a fault that was struck at `struck_s` and met these requests."""
        failed = [request for request in requests if request.failures]
        return cls(
            fault=fault,
            requests=len(requests),
            again=sum(not request.lost for request in failed),
            lost=sum(request.lost for request in failed),
            failures=tuple(Counter(failure for request in failed for failure in request.failures).most_common()),
            recovery_s=max((request.failed_s - struck_s for request in failed), default=0.0),
            within_s=within_s,
        )

    @property
    def good(self) -> bool:
        """Whether nothing was lost, and recovery took no longer than it may."""
        return not self.lost and (self.within_s is None or self.recovery_s <= self.within_s)

    def row(self) -> tuple[str, ...]:
        """Return its line of the table."""
        if self.refused:
            return (self.fault, "not tried", "", "", "", self.refused)
        told = ", ".join(f"{count} x {failure}" for failure, count in self.failures) or "none"
        bound = f" (at most {self.within_s:g})" if self.within_s is not None else ""
        recovery = f"{self.recovery_s:.1f}{bound}" + ("" if self.good else " **missed**")
        return (self.fault, str(self.requests), str(self.lost), str(self.again), recovery, told)
