"""Where a report's reader finds traffic.yaml and archives."""

from pathlib import Path

import pytest


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run folder, of a server whose split is half and half and not sticky, without archives."""
    traffic = tmp_path / "traffic.yaml"
    traffic.write_text('split: {"1.0": 50, "2.0": 50}\n')
    monkeypatch.setenv("TRAFFIC", str(traffic))
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("MODEL_STORE", str(tmp_path / "model_store"))
    (tmp_path / "run").mkdir()
    return tmp_path / "run"
