"""A host behind a front: `python -m tests.integration.far_host ADDRESS` prints its edge's port and ends with its input.

A real edge; behind it a server that takes some milliseconds for an answer, in TorchServe's place.
"""

import sys
import time

from tests.integration.lone_edge import lone_edge
from tests.integration.test_edge_memory import Forgetful

ANSWER_S = 0.01


class Working(Forgetful):
    """As quick as a model."""

    def do_POST(self) -> None:
        time.sleep(ANSWER_S)
        super().do_POST()


if __name__ == "__main__":
    with lone_edge(Working, address=sys.argv[1]) as edge:
        print(edge.ports.edge, flush=True)
        sys.stdin.read()
