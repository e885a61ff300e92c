"""What is wanted of a cluster: the operator's files, read on a machine that will not serve."""

import os

from scripts.serving.installation import Installation

# Pods are scheduled by the CPUs that they request, wherever these are; this machine's say nothing.
_CORES_OF_A_NODE = 1024


def read() -> Installation:
    """Return what the operator's files and the environment say.

    Raises:
        UserError: a mistake in one of them.
    """
    return Installation.read(os.environ, cores=_CORES_OF_A_NODE)
