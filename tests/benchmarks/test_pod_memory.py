"""The table of a pod's memory: figures that somebody else measured, beside the bounds of the committed manifests."""

from benchmarks.client import Load
from benchmarks.pod_memory import Peaks, report
from tests.kubernetes import built
from tests.kubernetes.pod.manifest import pod


def test_a_containers_peak_stands_beside_its_request_and_its_limit() -> None:
    rendered = pod(built.overlay("local"), "classifier-2-0")
    described = rendered.container("torchserve")
    request, limit = (described.memory_bytes(which) >> 20 for which in ("requests", "limits"))
    mib = {("torchserve", "worker"): 300.4, ("torchserve", "all at once"): 700.0}
    text = report(rendered, [Peaks("cell", 30_000, Load(9, 1, 20, 40, 45.6, 50, 1), mib)])
    assert "| torchserve | worker | 300 |  |  |\n" in text
    assert f"| torchserve | all at once | 700 | {request} | {limit} |\n" in text
    assert text.endswith("- cells of 0.03 MB: 9 right answers, 1 failures, p95 46 ms")
