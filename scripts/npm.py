"""Files that npm has and PyPI has not: a package as one archive, none of whose own code is run to get it."""

import base64
import hashlib
import subprocess
from pathlib import Path

from scripts.errors import UserError


def fetch(package: str, version: str, folder: Path, expected: str | None = None) -> tuple[Path, str]:
    """Return the archive of one version of a package, put into `folder`, and its digest as npm writes it.

    Raises:
        UserError: npm is missing or does not get it, or its digest is not the `expected` one.
    """
    words = ["npm", "pack", "--silent", f"--pack-destination={folder}", f"{package}@{version}"]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError as error:
        raise UserError("npm is not installed; it comes with Node.js.") from error
    except subprocess.CalledProcessError as error:
        raise UserError(f"npm did not get {package} {version}, see above.") from error
    archive = folder / done.stdout.strip()
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if expected not in (None, digest):
        raise UserError(f"{package} {version} is not the file that it was: its digest is {digest}, not {expected}.")
    return archive, digest
