"""Cores, and what the workers make of them."""

import math
import os
from collections.abc import Mapping
from typing import Any

from handler import arithmetic
from handler.errors import ArchiveError
from handler.metadata import Metadata
from scripts.doctoring import cgroup
from scripts.doctoring.finding import Finding, broken, look, ok
from scripts.serving.installation import Installation
from scripts.serving.properties import usable_cores


def cores(wanted: Installation, limit: float | None = None) -> list[Finding]:
    """Return what is found of workers x threads of each version, which the parser holds against the cores alone.

    Args:
        wanted: the operator's files.
        limit: processors' time that a container may use; None: asks the system.
    """
    limit = limit if limit is not None else cgroup.cores()
    usable = usable_cores()
    of = f", of which the container may use {limit:g}" if limit is not None else ""
    said = f"{usable} of {os.cpu_count()}{of}"
    found, allowed = [ok("cores", said)], min(usable, limit or math.inf)
    threads = wanted.config.handler.threads
    settings = {version: wanted.config.version(wanted.spec.name, version) for version in wanted.traffic.versions}
    for version, own in settings.items():
        if own.max_workers * threads > math.ceil(allowed):
            fewer = max(int(allowed) // threads, 1)
            many = f"{version}: {own.max_workers} workers x {threads} threads are more than the {allowed:g} cores"
            found.append(look("cores", f"{many} of the container", f"set maxWorkers to {fewer}"))
    if len(found) == 1:
        each = ", ".join(f"{version} {own.max_workers} x {threads}" for version, own in settings.items())
        found.append(ok("workers x threads", f"{each}; at most {math.ceil(allowed)} for each version"))
    return found


def int8(wanted: Installation, archives: Mapping[str, Metadata], capabilities: Mapping[str, Any]) -> list[Finding]:
    """Return what this CPU has for int8, and what each archive computes in here.

    Args:
        wanted: the operator's files.
        archives: by version; those that are in order.
        capabilities: the CPU's, as `torch.cpu.get_capabilities()` gives them.
    """
    has = arithmetic.has_int8_dot_product(capabilities)
    names = arithmetic.instructions("int8", capabilities)
    follows = (
        f"{names}: int8 archives compute in int8"
        if has
        else "no int8 dot product (VNNI, AMX, Arm's): int8 archives compute in fp32, as fast as a float32 one"
    )
    found = [ok("int8 of this CPU", follows)]
    for version, archive in archives.items():
        if "int8" in archive.graphs:
            found.append(_of(version, archive, wanted, capabilities))
    return found


def _of(version: str, archive: Metadata, wanted: Installation, capabilities: Mapping[str, Any]) -> Finding:
    asked, unmeasured = wanted.config.handler.arithmetic, archive.gate.get("unmeasured", {})
    check, auto = f"arithmetic of {version}", f"set handler.arithmetic=auto in {wanted.config.path.name}"
    try:
        chosen = arithmetic.choose(archive.graphs, asked, capabilities, unmeasured)
    except ArchiveError as error:
        return broken(check, str(error), auto)
    caution = arithmetic.caution(chosen, capabilities, unmeasured)
    if caution and chosen == "int8":
        return look(check, caution.split(";")[0], auto)
    if caution:
        return look(check, caution, f"make archive VERSION={version} PRECISION=int8, on this machine")
    if asked == "fp32" and arithmetic.has_int8_dot_product(capabilities):
        return look(check, "handler.arithmetic=fp32, though this CPU has int8's", f"{auto}; make bench compares them")
    return ok(check, f"{chosen} ({asked})")
