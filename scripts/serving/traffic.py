"""traffic.yaml: who answers how much, read strictly."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from handler.strict import StrictModel, load
from scripts.errors import UserError
from scripts.serving import traffic_file
from scripts.serving.per_key import Origin, PerKey
from scripts.serving.tls import Tls

TOTAL = 100
# Bodies are read whole before they go on; with room for fewer a single upload keeps out the next.
_BODIES_IN_MEMORY = 4
# These become parts of paths, cluster names and header values.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COOKIE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"[a-z0-9][a-z0-9-]*")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("use letters, digits, `.`, `_` and `-` only")
    return value


def _cookie(name: str) -> str:
    # What goes into a pattern and into a header: RFC 6265 would allow more.
    if not _COOKIE.fullmatch(name):
        raise ValueError("a cookie's name is letters, digits, `_` and `-`")
    return name


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("use an IP address: 127.0.0.1 for this machine alone, 0.0.0.0 for every network") from None


def _host(value: str) -> str:
    try:
        host = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("use the IP address at which the front reaches the host") from None
    if host.is_unspecified:
        raise ValueError("it stands for every network; use the IP address at which the front reaches the host")
    return str(host)


Name = Annotated[str, AfterValidator(_name)]


class Shadow(StrictModel):
    """A version that gets copies of requests; its answers are thrown away."""

    version: Name
    percent: int = Field(default=100, ge=1, le=100)


class StickyCookie(StrictModel):
    """The cookie by which a browser keeps its version.

    Attributes:
        name: of the cookie.
        ttl_s: how long the browser keeps it, from its first answer on; browsers take at most 400 days (RFC 6265bis).
    """

    name: Annotated[str, AfterValidator(_cookie)] = "version_key"
    ttl_s: int = Field(default=30 * 86_400, ge=1, le=400 * 86_400)


class Edge(StrictModel):
    """Where the edge listens and what it lets through; a change needs a restart."""

    address: Annotated[str, AfterValidator(_ip_address)] = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    monitoring_port: int | None = Field(default=None, ge=1, le=65535)
    threads: int = Field(default=1, ge=1)
    max_body_bytes: int = Field(default=16_000_000, ge=1)
    # Envoy alone takes 10 MB of it, and about 20 with a thousand idle connections.
    max_memory_bytes: int = Field(default=512_000_000, ge=64_000_000)
    # Longer than any image needs, and what the Gateway API can say in its durations.
    timeout_s: int = Field(default=30, ge=1, le=3600)
    tls: Tls | None = None
    cors_origins: tuple[Origin, ...] = ()

    @model_validator(mode="after")
    def _has_room_for_bodies(self) -> Self:
        least = _BODIES_IN_MEMORY * self.max_body_bytes
        if self.max_memory_bytes < least:
            raise ValueError(
                f"`max_memory_bytes` ({self.max_memory_bytes}) holds fewer than {_BODIES_IN_MEMORY} bodies of "
                f"`max_body_bytes` ({self.max_body_bytes}); make the first {least} or more, or lower the second"
            )
        return self


class Replica(StrictModel):
    """The edge of a host that a front sends requests to."""

    address: Annotated[str, AfterValidator(_host)]
    port: int = Field(default=8000, ge=1, le=65535)

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Traffic(StrictModel):
    """What traffic.yaml says.

    Attributes:
        split: percent by version, in the file's order; 0 keeps a version ready without giving it any.
        sticky_header: requests with the same value of it meet the same version.
        sticky_cookie: given to callers that send no such header, who keep their version by it; None: without the header
            each request is drawn anew.
        replicas: the edges that a front balances over; nobody else reads it.
        per_key: limits of each key of keys.yaml.
    """

    split: dict[Name, int] = Field(min_length=1)
    sticky_header: str | None = None
    sticky_cookie: StickyCookie | None = None
    shadow: Shadow | None = None
    per_key: PerKey = PerKey()
    edge: Edge = Edge()
    # A front's /healthz counts them in percent: one of a hundred is still seen.
    replicas: list[Replica] | None = Field(default=None, min_length=1, max_length=100)

    @field_validator("replicas")
    @classmethod
    def _each_once(cls, replicas: list[Replica] | None) -> list[Replica] | None:
        names = [str(replica) for replica in replicas or []]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"{twice} is there twice; name each host once")
        return replicas

    @field_validator("split")
    @classmethod
    def _adds_up(cls, split: dict[str, int]) -> dict[str, int]:
        for version, weight in split.items():
            if weight < 0:
                raise ValueError(f'"{version}" has {weight}; weights are 0 to {TOTAL}')
        if sum(split.values()) != TOTAL:
            raise ValueError(f"the weights add up to {sum(split.values())}; make it {TOTAL}")
        return split

    @field_validator("sticky_header")
    @classmethod
    def _header(cls, header: str | None) -> str | None:
        if header is not None and not _HEADER.fullmatch(header):
            raise ValueError("a header's name is lower-case letters, digits and `-`")
        return header

    @property
    def versions(self) -> list[str]:
        """The versions that must be registered: those of the split, in order, and the shadow's."""
        shadow = [self.shadow.version] if self.shadow and self.shadow.version not in self.split else []
        return [*self.split, *shadow]

    @property
    def default(self) -> str:
        """The version that TorchServe's own default is set to: the first of those with the greatest weight."""
        return max(self.split, key=lambda version: self.split[version])

    def listening(self, environment: Mapping[str, str]) -> "Traffic":
        """Return the same with the edge at EDGE_ADDRESS, where `environment` has it.

        Raises:
            UserError: it is no IP address.
        """
        address = environment.get("EDGE_ADDRESS")
        if not address:
            return self
        try:
            edge = self.edge.model_copy(update={"address": _ip_address(address)})
        except ValueError as error:
            raise UserError(f"EDGE_ADDRESS={address}: {error}.") from None
        return self.model_copy(update={"edge": edge})


def read(path: Path) -> Traffic:
    """Return the traffic that `path` describes.

    Raises:
        UserError: one sentence that names the file, the key and a fix.
    """
    return parse(traffic_file.text(path), path)


def parse(text: str, path: Path) -> Traffic:
    """Return the traffic that `text` describes, which is or shall be the content of `path`; raises as `read` does."""
    document = traffic_file.document(text, path)
    _require_quoted(path, document)
    try:
        return load(Traffic, document, str(path))
    except ValueError as error:
        raise UserError(str(error)) from None


def _require_quoted(path: Path, document: Mapping[str, Any]) -> None:
    split = document.get("split")
    shadow = document.get("shadow")
    keys = list(split) if isinstance(split, Mapping) else []
    keys += [shadow.get("version")] if isinstance(shadow, Mapping) else []
    for key in keys:
        if key is not None and not isinstance(key, str):
            raise UserError(f'{path}: the version {key} is read as a number; write it as a name, in quotes: "{key}".')
