"""What the metrics ports show: all that docs/metrics.md describes, the version as a label, workers that fail."""

import re
from collections.abc import Callable

import psutil
import pytest
import requests

from scripts.serving import processes
from scripts.serving.exposition import Sample
from scripts.serving.torchserve import Folders
from tests.integration.server import MODEL, Server
from tests.monitoring.documents import described

pytestmark = pytest.mark.operations

Samples = Callable[[], list[Sample]]
PATIENCE_S = 60


def value(samples: list[Sample], name: str, **labels: str) -> float | None:
    found = [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]
    return found[0] if found else None


def healthy(samples: Samples, version: str) -> bool:
    return value(samples(), "envoy_cluster_membership_healthy", version=version) == 1


def worker(server: Server, version: str) -> psutil.Process:
    """Return the process of a version's only worker."""
    [described] = requests.get(f"{server.management_url}/models/{MODEL}/{version}", timeout=10).json()
    [only] = described["workers"]
    return psutil.Process(only["pid"])


@pytest.mark.usefixtures("traffic")
def test_every_metric_of_the_documentation_is_exported(samples: Samples) -> None:
    def missing() -> set[str]:
        names = {re.sub(r"_(bucket|sum|count)$", "", sample.name) for sample in samples()}
        return described() - names - {"up"}  # Prometheus' own.

    assert processes.wait_until(lambda: not missing(), PATIENCE_S, pause_s=0.5), missing()


@pytest.mark.usefixtures("traffic")
def test_a_versions_statistics_have_it_as_a_label_and_not_in_their_name(samples: Samples) -> None:
    def answered() -> bool:
        return bool(value(samples(), "envoy_cluster_upstream_rq_completed", version="2.0"))

    assert processes.wait_until(answered, PATIENCE_S)
    clusters = [sample for sample in samples() if sample.name.startswith("envoy_cluster_")]
    assert [sample.name for sample in clusters if "version_" in sample.name] == []
    requests_of = {sample.labels.get("version") for sample in clusters if sample.name.endswith("_upstream_rq_total")}
    assert requests_of == {"1.0", "2.0", None}  # The shadow's way into the edge leads to no version yet.


def test_a_worker_that_is_killed_leaves_its_version_without_one_and_comes_back_with_a_new_load_time(
    server: Server, samples: Samples
) -> None:
    def load_time() -> float | None:
        [found] = [
            sample.value
            for sample in samples()
            if sample.name == "WorkerLoadTime" and sample.labels["WorkerName"].endswith(f"{MODEL}_2.0")
        ]
        return found

    before = load_time()
    worker(server, "2.0").kill()
    assert processes.wait_until(lambda: not healthy(samples, "2.0"), PATIENCE_S)
    assert healthy(samples, "1.0")
    assert processes.wait_until(lambda: healthy(samples, "2.0"), PATIENCE_S)
    assert load_time() != before


def test_an_archive_that_is_damaged_after_its_registration_is_refused_by_the_next_workers_which_count_it(
    server: Server, samples: Samples
) -> None:
    def mismatches(version: str) -> float | None:
        return value(samples(), "ArchiveDigestMismatches", ModelVersion=version)

    folders = Folders(server.run_dir / "torchserve")
    [described] = [path for path in folders.temporary.rglob("model.json") if '"version": "2.0"' in path.read_text()]
    graph = next(iter(sorted(described.parent.glob("*.onnx"))))
    content = graph.read_bytes()
    assert (mismatches("1.0"), mismatches("2.0")) == (0, 0)
    graph.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
    try:
        worker(server, "2.0").kill()
        assert processes.wait_until(lambda: (mismatches("2.0") or 0) >= 2, PATIENCE_S)
        assert f"DigestError: {graph.name}" in folders.model_log.read_text()
        assert not healthy(samples, "2.0")
        assert mismatches("1.0") == 0
    finally:
        graph.write_bytes(content)
    assert processes.wait_until(lambda: healthy(samples, "2.0"), PATIENCE_S)
    # Where the workers ended fast enough, or long enough, the supervisor has taken the version out of the split.
    assert server.verb("apply").returncode == 0
