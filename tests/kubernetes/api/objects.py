"""The objects that the server keeps, with what it does to every one that is written: defaults, metadata, status.

The rules are the real server's: `resourceVersion` grows with every change and stays when nothing changed, `generation`
grows with the spec, and `status` is the controllers', who write it after the caller has its answer.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from threading import Condition, RLock
from time import monotonic
from typing import Any

from tests.kubernetes.api.controllers import Controllers
from tests.kubernetes.api.defaults import fill_in
from tests.kubernetes.api.discovery import RESOURCES, Resource, Target, resource_of
from tests.kubernetes.api.patches import same
from tests.kubernetes.api.refusals import modified, not_found

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One change: `type` is ADDED, MODIFIED or DELETED."""

    version: int
    type: str
    target: Target
    manifest: Manifest


@dataclass
class Objects:
    """Every object by what names it, what has happened to them so far, and of which `resources` they may be."""

    resources: tuple[Resource, ...] = RESOURCES
    controllers: Controllers = field(default_factory=Controllers)
    open: bool = True
    version: int = 1000
    _kept: dict[Target, Manifest] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)
    _changed: Condition = field(default_factory=lambda: Condition(RLock()))
    _uids: Iterator[int] = field(default_factory=lambda: count(1))

    def read(self, target: Target) -> Manifest:
        """A copy of the object; raises Refused (404)."""
        with self._changed:
            if target not in self._kept:
                raise not_found(target)
            return deepcopy(self._kept[target])

    def list(self, target: Target) -> tuple[list[Manifest], int]:
        """Copies of every object of the target's resource in its namespace, by name, and the version of the list."""
        with self._changed:
            found = [(each.namespace, each.name, kept) for each, kept in self._kept.items() if _within(each, target)]
            return [deepcopy(kept) for _, _, kept in sorted(found, key=lambda each: each[:2])], self.version

    def write(self, target: Target, change: Callable[[Manifest | None], Manifest], keep: bool = True) -> Manifest:
        """The object after `change` of a copy of the present one (None: it is created); `keep=False` is a dry run.

        Raises what `change` raises, and Refused (409) for a change that was made to an older resourceVersion.
        """
        with self._changed:
            before = self._kept.get(target)
            if target.namespace:
                self.read(namespace_of(target))
            after = self._completed(target, before, change(deepcopy(before)))
            if before and same(before, after):
                return after
            if keep:
                self._keep("MODIFIED" if before else "ADDED", target, after)
            answer = deepcopy(after)
            if keep:
                self.reconcile(target)
            return answer

    def remove(self, target: Target, keep: bool = True) -> Manifest:
        """Delete the object and return what it was; raises Refused (404)."""
        with self._changed:
            removed = self.read(target)
            if keep:
                self._record("DELETED", target, removed)
                del self._kept[target]
            return removed

    def reconcile(self, target: Target) -> None:
        """Let the object's controller write its status."""
        with self._changed:
            status = self.controllers.status_of(self._kept[target])
            if status is not None:
                self.write_status(target, status)

    def write_status(self, target: Target, status: Manifest) -> None:
        """Replace the object's status; raises Refused (404)."""
        with self._changed:
            present = self.read(target)
            if not same(status, present.get("status")):
                self._keep("MODIFIED", target, present | {"status": deepcopy(status)})

    def reconcile_all(self, kind: str) -> None:
        """The same for every object of `kind`."""
        with self._changed:
            for target in [each for each in self._kept if each.resource.kind == kind]:
                self.reconcile(target)

    def events(self, target: Target, version: int, seconds: float) -> Iterator[Event]:
        """What happens to the target's resource in its namespace after `version`, for `seconds` or until the end."""
        end, seen = monotonic() + seconds, 0
        while self.open and monotonic() < end:
            with self._changed:
                fresh = self._events[seen:]
                if not fresh:
                    self._changed.wait(min(0.2, max(0.0, end - monotonic())))
            seen += len(fresh)
            yield from (each for each in fresh if each.version > version and _within(each.target, target))

    def close(self) -> None:
        """End every watch."""
        with self._changed:
            self.open = False
            self._changed.notify_all()

    def _completed(self, target: Target, before: Manifest | None, after: Manifest) -> Manifest:
        fill_in(after)
        old: Manifest = before["metadata"] if before else {"uid": f"00000000-0000-4000-8000-{next(self._uids):012}"}
        metadata = after.setdefault("metadata", {})
        if metadata.get("resourceVersion", old.get("resourceVersion")) != old.get("resourceVersion"):
            raise modified(target)
        if before:
            metadata["resourceVersion"] = old["resourceVersion"]
        metadata["name"] = target.name
        if target.resource.namespaced:
            metadata["namespace"] = target.namespace
        metadata["uid"] = old["uid"]
        metadata["creationTimestamp"] = old.get("creationTimestamp", "2026-01-01T00:00:00Z")
        if "spec" in after:
            unchanged = before is not None and same(before.get("spec"), after["spec"])
            metadata["generation"] = old.get("generation", 0) + int(not unchanged)
        return after

    def _keep(self, kind: str, target: Target, manifest: Manifest) -> None:
        manifest["metadata"]["resourceVersion"] = str(self.version + 1)
        self._kept[target] = manifest
        self._record(kind, target, manifest)

    def _record(self, kind: str, target: Target, manifest: Manifest) -> None:
        self.version += 1
        self._events.append(Event(self.version, kind, target, deepcopy(manifest)))
        self._changed.notify_all()


def namespace_of(target: Target) -> Target:
    """The Namespace object that has to be there before an object of `target`'s."""
    return Target(resource_of("Namespace"), name=target.namespace)


def _within(each: Target, target: Target) -> bool:
    return each.resource == target.resource and target.namespace in ("", each.namespace)
