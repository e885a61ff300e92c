"""The checks that need the packages of `.venv`."""

from collections.abc import Mapping

import torch

from scripts.doctoring import (
    archives,
    config_traps,
    leftovers,
    listening,
    memory,
    operators_files,
    processors,
    programs,
    specs,
    traffic_traps,
)
from scripts.doctoring.finding import Finding
from scripts.pipeline.spec import MODELS
from scripts.serving import front
from scripts.serving.places import REPOSITORY, Places


def findings(environment: Mapping[str, str]) -> list[Finding]:
    """Return what is found."""
    run = Places.from_environment(environment).run
    found = [*programs.findings(), *leftovers.findings(run)]
    if run != REPOSITORY / front.RUN_DIR and (REPOSITORY / front.RUN_DIR).is_dir():
        found += leftovers.findings(REPOSITORY / front.RUN_DIR, "make stop FRONT=1")
    # What runs decides which ports and how much memory are its own already.
    if leftovers.is_readable(run):
        found += _of_files(environment)
    return [*found, *specs.findings(REPOSITORY / MODELS)]


def _of_files(environment: Mapping[str, str]) -> list[Finding]:
    """Return what is found of the operator's files, and, where none is refused, of what goes by them."""
    files = operators_files.read(environment)
    wanted = files.wanted
    if wanted is None:
        return files.findings
    looked = archives.look_at(wanted)
    return [
        *files.findings,
        *config_traps.findings(wanted),
        *traffic_traps.findings(wanted),
        *looked.findings,
        *processors.cores(wanted),
        *processors.int8(wanted, looked.whole, torch.cpu.get_capabilities()),
        memory.finding(wanted),
        *listening.findings(wanted),
    ]
