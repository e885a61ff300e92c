"""Which versions can't keep their workers, and which can again: decided from the worker processes that are seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scripts.serving.management import Description

# An accident is mended by TorchServe within seconds, and is none of these.
DEATHS, WITHIN_S = 3, 60.0
READY_WITHIN_S = 30.0
# Of its workers' life before a version gets requests again; doubled each time, for what kills them may be a request.
STEADY_S, LONGEST_STEADY_S = 60.0, 1800.0


@dataclass
class _Watched:
    """What was seen of one version."""

    processes: Mapping[str, int]
    ready_s: float
    deaths_s: list[float] = field(default_factory=list)
    last_death_s: float = float("-inf")


class CrashLoops:
    """Remembers the workers of each version from look to look."""

    def __init__(self) -> None:
        self._versions: dict[str, _Watched] = {}
        self._ejections: dict[str, int] = {}
        self._ejected_s: dict[str, float] = {}

    def forget(self) -> None:
        """Begin anew, as all the workers have gone with their TorchServe."""
        self._versions.clear()

    def see(self, now_s: float, registered: Mapping[str, Description]) -> None:
        """Take up what TorchServe says now of its versions; `now_s` is of a clock that only goes forward."""
        self._versions = {version: self._versions[version] for version in self._versions if version in registered}
        for version, description in registered.items():
            seen = self._versions.setdefault(version, _Watched(description.processes, now_s))
            # By the worker's name: one that is scaled away, or new, is no death. TorchServe shows a worker's process
            # until the next one runs, so that none is missed between two looks.
            changed = [
                name
                for name, process in description.processes.items()
                if seen.processes.get(name, process) not in (process, -1)
            ]
            seen.deaths_s = [at for at in seen.deaths_s if now_s - at < WITHIN_S] + [now_s] * len(changed)
            seen.last_death_s = now_s if changed else seen.last_death_s
            seen.processes = description.processes
            if description.ready or not description.wanted_workers:
                seen.ready_s = now_s

    def failing(self, now_s: float) -> dict[str, str]:
        """Return by version why it is no good: its workers end again and again, or none has been ready for long."""
        found = {}
        for version, seen in self._versions.items():
            if len(seen.deaths_s) >= DEATHS:
                found[version] = f"its workers ended {len(seen.deaths_s)} times within {WITHIN_S:.0f} s"
            elif now_s - seen.ready_s >= READY_WITHIN_S:
                found[version] = f"it has had no ready worker for {READY_WITHIN_S:.0f} s"
        return found

    def pardon(self, version: str) -> None:
        """Forget the deaths of a version's workers: somebody has put it back."""
        if version in self._versions:
            self._versions[version].deaths_s = []

    def ejected(self, now_s: float, version: str) -> float:
        """Count an ejection of a version; return how long its workers have to live before it may come back, seconds."""
        self._ejected_s[version] = now_s
        self._ejections[version] = self._ejections.get(version, 0) + 1
        return self._steady_s(version)

    def steady(self, now_s: float, version: str) -> bool:
        """Return whether a version's workers have lived long enough for it to come back."""
        seen = self._versions.get(version)
        if seen is None or seen.ready_s < now_s:
            return False
        # TorchServe may have been started again since, and the deaths before that forgotten.
        since_s = max(seen.last_death_s, self._ejected_s.get(version, float("-inf")))
        return now_s - since_s >= self._steady_s(version)

    def _steady_s(self, version: str) -> float:
        times = self._ejections.get(version, 1)
        return min(STEADY_S * 2.0 ** (times - 1), LONGEST_STEADY_S)
