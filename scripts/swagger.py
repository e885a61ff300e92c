"""Put a version of Swagger UI into web/docs, which the edge serves; its files are committed."""

import hashlib
import tarfile
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from scripts import cli, npm
from scripts.files import replace_file
from scripts.serving.pages import WEB

DOCS = WEB / "docs"
SOURCE = DOCS / "swagger-ui.SOURCE.txt"
# As they are called in the package, and here.
_FILES = {
    "swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css": "swagger-ui.css",
    "LICENSE": "swagger-ui.LICENSE.txt",
    "NOTICE": "swagger-ui.NOTICE.txt",
}


def main(version: Annotated[str, typer.Option(help="of swagger-ui-dist, as npm names it")]) -> None:
    """Get it from npm and write down what was got."""
    with tempfile.TemporaryDirectory() as folder:
        archive, digest = npm.fetch("swagger-ui-dist", version, Path(folder))
        with tarfile.open(archive) as package:
            contents = {name: package.extractfile(f"package/{source}") for source, name in _FILES.items()}
            texts = {name: file.read().decode() for name, file in contents.items() if file}
    for name, text in texts.items():
        replace_file(DOCS / name, text)
    lines = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}" for name, text in texts.items()]
    head = f"npm's swagger-ui-dist {version}, Apache-2.0; by `make swagger VERSION={version}`\n{digest}\n\n"
    replace_file(SOURCE, head + "\n".join(lines) + "\n")
    print(f"{DOCS}: Swagger UI {version}; `make test-browser` tries it")


if __name__ == "__main__":
    cli.run(main)
