"""A pod ends while it is asked: nothing that was accepted is lost. Apart from the others, since it ends its pod."""

import time
from concurrent.futures import ThreadPoolExecutor

from scripts.pod import drain
from scripts.serving import processes
from tests.kubernetes.pod.callers import Slow, posting
from tests.kubernetes.pod.kubelet import Kubelet

# A gateway that hears of the end in time, and one request that takes longer than that.
HEARD_S = drain.SETTLE_S - 3
SLOW_S = drain.SETTLE_S + 2


def test_a_pod_that_ends_answers_all_that_it_has_accepted(pod: Kubelet, cell: bytes) -> None:
    with ThreadPoolExecutor(1) as pool:
        with posting(pod, cell) as answers:
            assert processes.wait_until(lambda: len(answers) >= 20, 30)
            slow = Slow(pod, cell)
            begun_s = time.monotonic()
            ending = pool.submit(pod.end)
            assert processes.wait_until(lambda: not pod.ready(), 5)
            unready_s = time.monotonic()
            assert pod.alive() == {"edge": True, "torchserve": True}
            time.sleep(HEARD_S)
        time.sleep(begun_s + SLOW_S - time.monotonic())
        assert not ending.done()
        answer = slow.finish()
        finished_s = time.monotonic()
        ended = ending.result()
    assert {each.status for each in answers} == {200}, [each for each in answers if each.status != 200]
    # It went on for as long as anybody called.
    assert max(each.at_s for each in answers) > unready_s + HEARD_S - 1
    assert answer.startswith("HTTP/1.1 200")
    assert "connection: close" in answer
    assert ended.hooks == {"torchserve": (0, "")}
    assert ended.statuses == {"torchserve": 0, "edge": 0}
    assert begun_s + ended.seconds >= finished_s
    assert ended.seconds < pod.pod.spec.termination_grace_period_seconds
