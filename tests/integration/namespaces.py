"""Hosts of their own on one machine: Linux network namespaces, each with a cable to this one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """A namespace.

    Attributes:
        name: of the namespace.
        here: this machine's address at the cable.
        address: the host's.
    """

    name: str
    here: str
    address: str

    def command(self, *words: str) -> list[str]:
        """Return the words that run a program there."""
        return ["ip", "netns", "exec", self.name, *words]

    def vanish(self) -> None:
        """Let nothing leave the host any more, not even what refuses a connection, as without current or cable."""
        _ip("-n", self.name, "route", "add", "blackhole", self.here)

    def come_back(self) -> None:
        """Take that back."""
        _ip("-n", self.name, "route", "del", "blackhole", self.here)


def why_not() -> str | None:
    """Return why this machine can't have such hosts; None where it can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and `ip` (iproute2)"
    try:
        with hosts(1):
            return None
    except subprocess.CalledProcessError as error:
        return f"no network namespaces here: {error.stderr.strip()}"


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Give so many hosts for the length of a block; what still runs in them is the caller's to end."""
    with ExitStack() as stack:
        yield [stack.enter_context(_host(number)) for number in range(count)]


@contextmanager
def _host(number: int) -> Iterator[Host]:
    # Of the addresses for trials of networks (RFC 2544), four a cable; an interface's name has at most 15 letters.
    host = Host(f"host{os.getpid()}-{number}", f"198.18.55.{4 * number + 1}", f"198.18.55.{4 * number + 2}")
    cable = f"v{os.getpid()}-{number}"
    _ip("netns", "add", host.name)
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        _ip("addr", "add", f"{host.here}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        _ip("-n", host.name, "addr", "add", f"{host.address}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", host.name, "link", "set", device, "up")
        yield host
    finally:
        _ip("link", "del", cable)  # With its namespace it would go as well, but at some later time.
        _ip("netns", "del", host.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
