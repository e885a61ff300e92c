"""Performs a Dockerfile's steps in a folder: each stage's root is that folder's `root` while the stage is built.

So the absolute paths in what a stage leaves, above all those in a virtual environment, are right in the next one too.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.image.dockerfile import Dockerfile, Instruction, Stage, substitute

_BASE = re.compile(r"python:3\.11\.\d+-slim-bookworm")
# Paths of the image, as they stand in a command or a value; any other absolute path is refused.
_PATH = re.compile(r"(?<![\w./$}-])/(?P<top>[a-z]+)(?=/)|(?<![\w./$}-])/tmp\b")
_TOPS = ("srv", "tmp")


@dataclass
class Image:
    """What a stage has come to.

    Attributes:
        root: the folder that is `/` in it.
        environment: its ENV, paths being those of this machine.
        working: its WORKDIR.
        settings: USER, EXPOSE and the like, by instruction.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    working: Path = Path("/")
    settings: dict[str, Instruction] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """Return a command or a value with the image's paths in this machine's place.

        Raises:
            ValueError: it has a path that is not known to be the image's.
        """
        for match in _PATH.finditer(text):
            if match["top"] is not None and match["top"] not in _TOPS:
                raise ValueError(f"/{match['top']} is no folder of the image known to tests/image: {text}")
        return _PATH.sub(lambda match: str(self.root) + match[0], text)

    def command(self, name: str) -> list[str]:
        """Return the words of ENTRYPOINT or HEALTHCHECK."""
        return self.settings[name].exec_form()

    @property
    def user(self) -> int:
        """USER's number."""
        return int(self.settings["USER"].text.split(":")[0])

    @property
    def python(self) -> Path:
        """The interpreter that the image's PATH finds first."""
        found = shutil.which("python", path=self.environment["PATH"])
        assert found is not None, "no python on the image's PATH"
        return Path(found)


def build(dockerfile: Dockerfile, context: Path, folder: Path, arguments: Mapping[str, str]) -> Image:
    """Return the last stage, built from `context` in `folder`, which is new.

    Args:
        dockerfile: with stages that begin from Python's image, or from one another.
        context: what COPY finds.
        folder: gets `root`, and one folder for each stage of before.
        arguments: build arguments, as `--build-arg` gives them.
    """
    done: dict[str, Image] = {}
    for number, stage in enumerate(dockerfile.stages):
        image = _begun(stage, folder, done, dict(dockerfile.arguments) | dict(arguments))
        for instruction in stage.instructions:
            _perform(instruction, image, context, folder, arguments)
        if number < len(dockerfile.stages) - 1:
            image.root.rename(folder / stage.name)
        done[stage.name] = image
    return image


def _begun(stage: Stage, folder: Path, done: Mapping[str, Image], arguments: Mapping[str, str]) -> Image:
    root = folder / "root"
    if stage.base in done:
        (folder / stage.base).rename(root)
        return done[stage.base]
    base = substitute(stage.base, arguments)
    if not _BASE.fullmatch(base):
        raise ValueError(f"{base}: tests/image knows Python 3.11's slim images only")
    return Image(root, {"PATH": f"{_python(root)}:{os.defpath}"})


def _python(root: Path) -> Path:
    """Put this machine's Python in the place of the base image's, without its packages; return where `python` is.

    A copy, because the image's user may have no way to the original, in another user's home.
    """
    target = root / "usr" / "local"
    library = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ignored = shutil.ignore_patterns("site-packages", "dist-packages", "test", "config-*", "*.a")
    standard = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(standard, target / "lib" / library, ignore=ignored, symlinks=True)
    for shared in standard.parent.glob("libpython3*.so*"):
        shutil.copy2(shared, target / "lib", follow_symlinks=False)
    (target / "bin").mkdir()
    shutil.copy2(Path(sys._base_executable).resolve(), target / "bin" / library)  # type: ignore[attr-defined]
    (target / "bin" / "python").symlink_to(library)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    return target / "bin"


def _perform(instruction: Instruction, image: Image, context: Path, folder: Path, arguments: Mapping[str, str]) -> None:
    match instruction.name:
        case "ARG":
            for name, default in instruction.pairs():
                image.environment[name] = arguments.get(name, default)
        case "ENV":
            for name, value in instruction.pairs():
                # In this order: what a variable holds is a path of this machine already.
                image.environment[name] = substitute(image.here(value), image.environment)
        case "WORKDIR":
            image.working = Path(image.here(instruction.text + "/"))
            image.working.mkdir(parents=True, exist_ok=True)
        case "COPY":
            source = folder / instruction.flags["from"] if "from" in instruction.flags else context
            _copy(instruction, source, image)
        case "RUN":
            _run(image.here(instruction.text), image)
        case name:
            image.settings[name] = instruction


def _copy(instruction: Instruction, source: Path, image: Image) -> None:
    *patterns, target = shlex.split(instruction.text)
    destination = image.working / image.here(target)
    found = [path for pattern in patterns for path in sorted(source.glob(pattern.strip("/")))]
    if len(found) < len(patterns):
        raise FileNotFoundError(f"COPY {instruction.text}: there is nothing of that in {source}")
    for path in found:
        if path.is_dir():
            shutil.copytree(path, destination, symlinks=True, dirs_exist_ok=True)
        else:
            place = destination / path.name if target.endswith("/") or destination.is_dir() else destination
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)
            if "chmod" in instruction.flags:
                place.chmod(int(instruction.flags["chmod"], 8))


def _run(command: str, image: Image) -> None:
    # pip is this environment's and goes by this machine's configuration, as a builder's would by its own.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    path = f"{image.environment['PATH']}:{Path(sys.executable).parent}"
    environment = kept | image.environment | {"PATH": path, **loader(image.root)}
    done = subprocess.run(
        ["sh", "-ec", command], cwd=image.working, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"RUN {command}\n{done.stdout}{done.stderr}")


def loader(root: Path) -> dict[str, str]:
    """Return what a copied Python needs to find its library: it may know it by the place that it was built for."""
    return {"LD_LIBRARY_PATH": str(root / "usr" / "local" / "lib")}
