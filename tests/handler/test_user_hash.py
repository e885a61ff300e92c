import secrets
import stat
from pathlib import Path

import pytest

from handler.user_hash import UserHash


def test_the_same_user_is_the_same_word_after_a_restart_and_another_is_another(tmp_path: Path) -> None:
    first, again = (UserHash.load(tmp_path / "predictions.key") for _ in range(2))
    assert first("ann") == again("ann") != first("bob")
    assert len(first("ann")) == 32
    assert "ann" not in first("ann")


def test_another_installation_says_another_word(tmp_path: Path) -> None:
    here, there = (UserHash.load(tmp_path / name / "predictions.key") for name in ("here", "there"))
    assert here("ann") != there("ann")


def test_the_key_is_for_its_owner_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    UserHash.load(tmp_path / "predictions.key")
    [path] = tmp_path.iterdir()
    assert path.name == "predictions.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 32


def test_of_workers_that_start_at_once_the_first_makes_the_key_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, firsts = tmp_path / "predictions.key", []

    def while_another_is_quicker(size: int) -> bytes:
        monkeypatch.undo()
        firsts.append(UserHash.load(path))
        return secrets.token_bytes(size)

    monkeypatch.setattr(secrets, "token_bytes", while_another_is_quicker)
    second = UserHash.load(path)
    assert {each("ann") for each in (*firsts, second, UserHash.load(path))} == {second("ann")}
    assert len(firsts) == 1
