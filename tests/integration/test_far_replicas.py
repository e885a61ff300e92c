"""A front over three hosts with networks of their own, of which one vanishes without a word.

Each host is a real edge with a stub in TorchServe's place: what is tried here is the network between front and hosts.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from scripts.serving import processes
from scripts.serving.places import REPOSITORY
from scripts.serving.traffic import Replica
from tests.integration import namespaces
from tests.integration.lone_front import LoneFront, front_over
from tests.integration.namespaces import Host
from tests.integration.server import Server
from tests.integration.steady import failed, steady

pytestmark = pytest.mark.faults

HOSTS = 3
PER_S = 100
WITHIN_S = 30


@contextmanager
def far_edge(host: Host) -> Iterator[Replica]:
    argv = host.command(sys.executable, "-m", "tests.integration.far_host", host.address)
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield Replica(address=host.address, port=int(process.stdout.readline()))
        process.communicate()


def healthy(front: LoneFront, *expected: bool) -> bool:
    return processes.wait_until(
        lambda: [replica.healthy for replica in front.admin.replicas()] == list(expected), WITHIN_S
    )


def test_not_one_request_is_lost_when_a_host_vanishes_and_when_it_is_back() -> None:
    reason = namespaces.why_not()
    if reason:
        pytest.skip(reason)
    with ExitStack() as stack:
        hosts = stack.enter_context(namespaces.hosts(HOSTS))
        replicas = [stack.enter_context(far_edge(host)) for host in hosts]
        front = stack.enter_context(front_over(replicas))
        assert healthy(front, True, True, True)
        callers = Server(Path("unused"), asdict(front.ports), {})
        with steady(callers, [b"an image"], PER_S) as answers:
            assert processes.wait_until(lambda: len(answers()) > PER_S, WITHIN_S)
            hosts[0].vanish()
            vanished_s = time.monotonic()
            assert healthy(front, False, True, True)
            gone = len(answers())
            assert processes.wait_until(lambda: len(answers()) > gone + PER_S, WITHIN_S)
            hosts[0].come_back()
            assert healthy(front, True, True, True)
            back = front.admin.replicas()[0].requests
            assert processes.wait_until(lambda: front.admin.replicas()[0].requests > back + 10, WITHIN_S)
        found = answers()
        assert failed(found) == []
        assert len(found) > 3 * PER_S
        assert [answer for answer in found if answer.sent_s > vanished_s]
        # What had been sent to it was sent again.
        assert front.admin.retries()[0] > 0
