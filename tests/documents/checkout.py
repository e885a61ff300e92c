"""A copy of the checkout, with git and images, and archives of three versions."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

from scripts.serving.places import REPOSITORY
from tests.documents.archives import add_version
from tests.integration.own_project import COLOURS, photo
from tests.integration.server import MODEL

_KEPT = (".venv", "model_store", "run", "__pycache__")


def git(folder: Path, *words: str) -> str:
    """Return what git says in a folder."""
    identity = ("-c", "user.name=reader", "-c", "user.email=reader@example.org")
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def restore(folder: Path) -> bool:
    """Bring the files back to what `make` left, but for what a server keeps; return whether one had changed."""
    cleaning = ("clean", "-dffx", *(word for name in _KEPT for word in ("--exclude", name)))
    changed = git(folder, "diff", "--name-only") + git(folder, *cleaning, "--dry-run")
    git(folder, "checkout", "--quiet", ".")
    git(folder, *cleaning, "--quiet")
    return bool(changed)


def fill_store(store: Path) -> None:
    """Put the three archives there, and no other ones."""
    for path in store.glob("*.mar*"):
        path.unlink()
    source = Path(os.environ.get("MODEL_STORE", "model_store/test")).resolve()
    for version in ("1.0", "2.0"):
        for path in source.glob(f"{MODEL}-{version}.*"):
            shutil.copy(path, store)
    add_version(store, "2.0", "3.0")


def make(folder: Path) -> None:
    """Make `folder` a copy of the checkout, as it is now, with what documents take for granted."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\0"):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    (folder / ".venv").symlink_to(REPOSITORY / ".venv")
    # Older than the environment, whatever this copy's time: otherwise make would make it anew.
    for name in ("requirements.lock", "pyproject.toml", "client/pyproject.toml"):
        os.utime(folder / name, (0, 0))
    # A reader sees an error in the answer; a test, in curl's exit status.
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    _images(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".", ":!.venv")
    git(folder, "commit", "--quiet", "--message", "As it was")


def _images(folder: Path) -> None:
    generator = np.random.default_rng(1)
    for label, colour in zip(("cat", "dog"), COLOURS, strict=True):
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(20):
            photo(colour, generator).save(folder / "photos" / label / f"{number}.jpg")
    shutil.copy(folder / "photos/cat/0.jpg", folder / "photo.jpg")
    cells = folder / ".venv/lib/python3.11/site-packages/elpv_dataset/data/images"
    shutil.copy(cells / "cell0001.png", folder / "cell.png")
