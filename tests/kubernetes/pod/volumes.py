"""A pod's volumes as folders."""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tests.kubernetes.pod.manifest import Container, Pod, Volume
from tests.kubernetes.pod.tree import Tree

# A whole value, or the beginning of one: nothing in the manifests has a path in its middle.
_PATH = re.compile(r"/[\w./-]*")


class Volumes:
    """The folders of one pod's volumes, made anew."""

    def __init__(self, pod: Pod, folder: Path, tree: Tree) -> None:
        """Make one folder a volume below `folder`, whose path is short: sockets lie in one of them."""
        self._folder = folder
        self._tree = tree
        folder.mkdir(parents=True)
        for volume in pod.spec.volumes:
            if volume.image:
                # An image whose root holds archives and nothing else.
                self.path(volume.name).symlink_to(tree.model_store.resolve())
                continue
            self.path(volume.name).mkdir()
            if volume.config_map:
                _fill(self.path(volume.name), pod.config_maps[volume.config_map.name])
            else:
                # As a kubelet does: open, and of the pod's group.
                if tree.as_user:
                    os.chown(self.path(volume.name), 0, pod.spec.security_context.fs_group)
                self.path(volume.name).chmod(0o2777)

    def path(self, name: str) -> Path:
        """Return a volume's folder."""
        return self._folder / name

    def size(self, volume: Volume) -> int:
        """Return how many bytes lie in a volume."""
        return sum(path.lstat().st_blocks * 512 for path in self.path(volume.name).rglob("*"))

    def here(self, container: Container, text: str) -> str:
        """Return an argument or a value with a container's path in this machine's place; any other text as it is."""
        if not _PATH.fullmatch(text):
            return text
        path = PurePosixPath(text)
        for mount in container.volume_mounts:
            if path.is_relative_to(mount.mount_path):
                return str(self.path(mount.name) / path.relative_to(mount.mount_path))
        return str(self._tree.here(path))


def _fill(folder: Path, data: Mapping[str, str]) -> None:
    """Lay out a ConfigMap's files as a kubelet does, behind two symbolic links."""
    (folder / "..1").mkdir()
    (folder / "..data").symlink_to("..1")
    for name, text in data.items():
        (folder / "..1" / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")
