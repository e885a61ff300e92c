"""A pod as rendered manifests have it: a field that nothing here acts upon is an error, not passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pydantic
from pydantic.alias_generators import to_camel

from handler.strict import StrictModel
from tests.kubernetes.quantity import bytes_of


class Record(StrictModel):
    """Part of a manifest."""

    model_config = pydantic.ConfigDict(alias_generator=to_camel)


class HttpGet(Record):
    """Where a probe asks."""

    path: str
    port: int


class Probe(Record):
    """One question, asked again and again."""

    http_get: HttpGet
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


class Exec(Record):
    """A command that is run in the container."""

    command: tuple[str, ...]


class Hook(Record):
    """What is done at a moment of a container's life."""

    exec: Exec


class Lifecycle(Record):
    """The moments that are known here."""

    pre_stop: Hook


class Variable(Record):
    """One of `env`."""

    name: str
    value: str


class Named(Record):
    """A reference by name."""

    name: str


class From(Record):
    """All of a ConfigMap as variables."""

    config_map_ref: Named


class Mount(Record):
    """Where a container sees a volume."""

    name: str
    mount_path: str
    read_only: bool = False


class Capabilities(Record):
    """None at all; nothing else is accepted."""

    drop: tuple[Literal["ALL"]]


class Locked(Record):
    """Of a container; nothing else is accepted."""

    allow_privilege_escalation: Literal[False]
    read_only_root_filesystem: Literal[True]
    capabilities: Capabilities


class Container(Record):
    """One container.

    Attributes:
        restart_policy: of an init container: it runs beside those that follow, for the pod's whole life.
        ports: documentation for people and for names; nothing is opened or closed by it.
        resources: for a scheduler and for cgroups, which are not here; see `memory_bytes`.
    """

    name: str
    image: str
    image_pull_policy: str | None = None
    termination_message_policy: Literal["FallbackToLogsOnError"]
    restart_policy: Literal["Always"] | None = None
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env_from: tuple[From, ...] = ()
    env: tuple[Variable, ...] = ()
    ports: Any = None
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    resources: Any = None
    security_context: Locked
    volume_mounts: tuple[Mount, ...] = ()

    def memory_bytes(self, which: Literal["requests", "limits"]) -> int:
        """Return how much memory it asks for, or may take."""
        return bytes_of(self.resources[which]["memory"])


class EmptyDir(Record):
    """A folder that is empty when the pod begins."""

    size_limit: str


class Artifact(Record):
    """An OCI image that is mounted."""

    reference: str
    pull_policy: str


class Volume(Record):
    """An empty folder, a ConfigMap's files, or what an OCI image holds."""

    name: str
    config_map: Named | None = None
    empty_dir: EmptyDir | None = None
    image: Artifact | None = None

    @property
    def limit_bytes(self) -> int:
        """How much may lie in it before the pod is evicted."""
        assert self.empty_dir is not None, f"{self.name} has no limit"
        return bytes_of(self.empty_dir.size_limit)


class User(Record):
    """Whom a pod's processes run as."""

    run_as_non_root: Literal[True]
    run_as_user: int
    run_as_group: int
    fs_group: int
    seccomp_profile: Any


class Spec(Record):
    """A pod's; `topology_spread_constraints` is the scheduler's."""

    automount_service_account_token: Literal[False]
    enable_service_links: Literal[False]
    security_context: User
    topology_spread_constraints: Any = None
    termination_grace_period_seconds: int
    init_containers: tuple[Container, ...]
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...]


@dataclass(frozen=True)
class Pod:
    """A pod, and the ConfigMaps of its namespace by name."""

    spec: Spec
    config_maps: Mapping[str, Mapping[str, str]]

    def container(self, name: str) -> Container:
        """Return one of its containers."""
        [found] = [each for each in (*self.spec.init_containers, *self.spec.containers) if each.name == name]
        return found

    def volume(self, name: str) -> Volume:
        """Return one of its volumes."""
        [found] = [each for each in self.spec.volumes if each.name == name]
        return found


def pod(documents: list[dict[str, Any]], deployment: str) -> Pod:
    """Return the pod of a Deployment, from what `kubectl kustomize` builds."""
    [found] = [each for each in documents if (each["kind"], each["metadata"]["name"]) == ("Deployment", deployment)]
    maps = {each["metadata"]["name"]: each["data"] for each in documents if each["kind"] == "ConfigMap"}
    return Pod(Spec.model_validate(found["spec"]["template"]["spec"]), maps)
