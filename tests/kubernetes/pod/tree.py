"""What a container's image is on this machine: a folder that is `/`, a Python, and the image's own environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from scripts.serving.places import REPOSITORY
from tests.image import dockerfile

MAY_BECOME_ANOTHER_USER = os.geteuid() == 0
# Of the Dockerfile, which serves both trees: the paths are the image's.
_STAGES = dockerfile.read((REPOSITORY / "Dockerfile").read_text()).stages
_STORE = "srv/mobilenet/model_store"


@dataclass(frozen=True)
class Tree:
    """An image.

    Attributes:
        root: what is `/` in it, as far as it is needed.
        python: the one that the image's PATH finds.
        working: its WORKDIR.
        machine: what this machine needs besides the image's environment.
        as_user: whether its containers become the manifest's user; otherwise they are who runs this.
    """

    root: Path
    python: Path
    working: Path
    machine: Mapping[str, str] = field(default_factory=dict)
    as_user: bool = False

    @classmethod
    def of_repository(cls, root: Path, model_store: Path) -> "Tree":
        """Return the repository in the image's place; `root` is a new folder, for what has a path of the image."""
        tree = cls(root, Path(sys.executable), REPOSITORY)
        tree.model_store.parent.mkdir(parents=True)
        tree.model_store.symlink_to(model_store.resolve())
        return tree

    @property
    def environment(self) -> dict[str, str]:
        """The ENV of the image's stages but for PATH, as it is written: paths are the image's."""
        said = [
            pair for stage in _STAGES[1:] for each in stage.instructions if each.name == "ENV" for pair in each.pairs()
        ]
        return {name: value for name, value in said if name != "PATH"}

    @property
    def model_store(self) -> Path:
        """Where archives are that the image brings."""
        return self.root / _STORE

    def here(self, path: PurePosixPath) -> Path:
        """Return where a path of the image is on this machine."""
        return self.root / path.relative_to("/")

    def identity(self, user: int, group: int) -> dict[str, Any]:
        """Return what makes a process somebody's, in Popen's words."""
        return {"user": user, "group": group, "extra_groups": []} if self.as_user else {}
