import stat
import subprocess
import sys
from pathlib import Path

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


def test_workers_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from handler.user_hash import UserHash; "
        "print(UserHash.load(Path(sys.argv[1]))('ann'))"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "predictions.key")]
    started = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    assert len({process.communicate()[0] for process in started}) == 1
