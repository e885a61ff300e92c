"""The objects that the server keeps, with what it does to every one that is written: defaults, metadata, status.

The rules are the real server's: `generation` grows with the spec, and `status` is the controllers', who write it after
the caller has its answer.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from threading import RLock
from typing import Any

from tests.kubernetes.api.controllers import Controllers
from tests.kubernetes.api.defaults import fill_in
from tests.kubernetes.api.discovery import Target
from tests.kubernetes.api.patches import same
from tests.kubernetes.api.refusals import not_found

Manifest = dict[str, Any]


@dataclass
class Objects:
    """Every object by what names it, and the controllers that look after them."""

    controllers: Controllers = field(default_factory=Controllers)
    _kept: dict[Target, Manifest] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)
    _uids: Iterator[int] = field(default_factory=lambda: count(1))

    def read(self, target: Target) -> Manifest:
        """A copy of the object; raises Refused (404)."""
        with self._lock:
            if target not in self._kept:
                raise not_found(target)
            return deepcopy(self._kept[target])

    def list(self, target: Target) -> list[Manifest]:
        """Copies of every object of the target's resource in its namespace, by name."""
        with self._lock:
            found = sorted(
                each.name
                for each in self._kept
                if (each.resource, each.namespace) == (target.resource, target.namespace)
            )
            return [self.read(Target(target.resource, target.namespace, name)) for name in found]

    def write(self, target: Target, change: Callable[[Manifest | None], Manifest]) -> Manifest:
        """The object after `change` of a copy of the present one (None: it is created); raises what `change` raises."""
        with self._lock:
            before = self._kept.get(target)
            after = self._completed(target, before, change(deepcopy(before)))
            self._kept[target] = after
            answer = deepcopy(after)
            self._reconcile(target)
            return answer

    def remove(self, target: Target) -> Manifest:
        """Delete the object and return what it was; raises Refused (404)."""
        with self._lock:
            removed = self.read(target)
            del self._kept[target]
            return removed

    def write_status(self, target: Target, status: Manifest) -> None:
        """Replace the object's status; raises Refused (404)."""
        with self._lock:
            self._kept[target] = self.read(target) | {"status": deepcopy(status)}

    def reconcile_all(self, kind: str) -> None:
        """Let the controller of every object of `kind` write its status."""
        with self._lock:
            for target in [each for each in self._kept if each.resource.kind == kind]:
                self._reconcile(target)

    def _reconcile(self, target: Target) -> None:
        status = self.controllers.status_of(self._kept[target])
        if status is not None:
            self.write_status(target, status)

    def _completed(self, target: Target, before: Manifest | None, after: Manifest) -> Manifest:
        fill_in(after)
        old: Manifest = before["metadata"] if before else {"uid": f"00000000-0000-4000-8000-{next(self._uids):012}"}
        metadata = after["metadata"]
        metadata |= {"name": target.name, "uid": old["uid"]}
        if target.resource.namespaced:
            metadata["namespace"] = target.namespace
        if "spec" in after:
            unchanged = before is not None and same(before.get("spec"), after["spec"])
            metadata["generation"] = old.get("generation", 0) + int(not unchanged)
        return after
