"""What is wanted of a cluster: the operator's files, read on a machine that will not serve."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.locks import hold
from scripts.serving.installation import Installation
from scripts.serving.places import Places

# Pods are scheduled by the CPUs that they request, wherever these are; this machine's say nothing.
_CORES_OF_A_NODE = 1024


def read() -> Installation:
    """Return what the operator's files and the environment say.

    Raises:
        UserError: a mistake in one of them.
    """
    return Installation.read(os.environ, cores=_CORES_OF_A_NODE)


@contextmanager
def held() -> Iterator[Installation]:
    """Give the operator's files to one command at a time, whether it changes a cluster or this machine's server.

    Raises:
        UserError: another command changes them just now, or one of them has a mistake.
    """
    lock = Places.from_environment(os.environ).run / "change.lock"
    with hold(lock, "another command changes traffic.yaml just now; let it end first."):
        yield read()
