from pathlib import Path

import pytest

from scripts import monitor
from scripts.errors import UserError


def test_without_a_server_there_is_nothing_to_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"nothing serves in .*; `make start` first"):
        monitor.main()
    assert list(tmp_path.iterdir()) == []
