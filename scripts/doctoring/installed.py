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
    """Return what is found; where the operator's files are refused, what goes by them is left out."""
    run = Places.from_environment(environment).run
    found = [*programs.findings(), *leftovers.findings(run)]
    if run != REPOSITORY / front.RUN_DIR and (REPOSITORY / front.RUN_DIR).is_dir():
        found += leftovers.findings(REPOSITORY / front.RUN_DIR, "make stop FRONT=1")
    files = operators_files.read(environment)
    found += files.findings
    wanted = files.wanted
    if wanted is not None:
        looked = archives.look_at(wanted)
        found += [*config_traps.findings(wanted), *traffic_traps.findings(wanted), *looked.findings]
        found += [*processors.cores(wanted), *processors.int8(wanted, looked.whole, torch.cpu.get_capabilities())]
        found += [memory.finding(wanted), *listening.findings(wanted)]
    return [*found, *specs.findings(REPOSITORY / MODELS)]
