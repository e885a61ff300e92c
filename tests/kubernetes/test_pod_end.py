"""A pod ends while it is asked: nothing that was accepted is lost. Apart from the others, since it ends its pod."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from scripts.pod import drain
from scripts.serving import processes
from tests.kubernetes.pod.callers import Slow, posting
from tests.kubernetes.pod.kubelet import Kubelet

pytestmark = pytest.mark.operations


def test_a_pod_that_ends_answers_all_that_it_has_accepted(pod: Kubelet, cell: bytes) -> None:
    """Callers who go on for a while, one whose body began before the end, and one who has not heard of it yet."""
    with ThreadPoolExecutor(1) as pool:
        with posting(pod, cell) as answers:
            assert processes.wait_until(lambda: len(answers) >= 20, 30)
            slow = Slow(pod, cell)
            begun_s = time.monotonic()
            ending = pool.submit(pod.end)
            assert processes.wait_until(lambda: not pod.ready(), 3)
            unready_s = time.monotonic()
            assert pod.alive() == {"edge": True, "torchserve": True}
            time.sleep(3)
        assert max(each.at_s for each in answers) > unready_s + 2
        assert {each.status for each in answers} == {200}, [each for each in answers if each.status != 200]
        first = slow.finish()
        _sleep_until(begun_s + drain.SETTLE_S - 2)
        late = Slow(pod, cell)
        _sleep_until(begun_s + drain.SETTLE_S + 2)
        assert not ending.done()
        last = late.finish()
        ended = ending.result()
    for answer in (first, last):
        assert answer.startswith("HTTP/1.1 200"), answer
        assert "connection: close" in answer
    assert ended.hooks == {"torchserve": (0, "")}
    assert ended.statuses == {"torchserve": 0, "edge": 0}
    assert ended.seconds < pod.pod.spec.termination_grace_period_seconds


def _sleep_until(moment_s: float) -> None:
    time.sleep(max(moment_s - time.monotonic(), 0))
