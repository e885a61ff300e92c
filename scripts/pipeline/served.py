"""Answers to images as they are served: by an archive's own code, or by a running server."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from scripts import caller
from scripts.errors import UserError
from scripts.pipeline import archive
from scripts.pipeline.answers import Answers
from scripts.pipeline.data.files import MAX_MEGAPIXELS
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.spec import DEFAULT_MODEL

_PROGRAM = Path(__file__).with_name("answering.py")
# Enough for batches of several, far from the queue's length.
_CONNECTIONS = 8
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Served:
    """Answers and who gave them; arithmetic and instructions are None where that is not told."""

    answers: Answers
    version: str | None
    arithmetic: str | None
    instructions: str | None


def by_archive(
    path: Path, images: Sequence[Sample], labels: Sequence[str], arithmetic: str, model: str = DEFAULT_MODEL
) -> Served:
    """Return what the archive at `path` answers, by its own code in a process of its own.

    Args:
        path: of the archive, which is verified first.
        images: whose original files are given to it.
        labels: that it has to have.
        arithmetic: `auto`, `int8` or `fp32`.
        model: the folder of models/ that it is built from, for the command in an error.

    Raises:
        UserError: the archive is missing, changed, of other labels, or does not load, in its own words.
    """
    # As large as they were when the split was made, whatever a server's configuration allows.
    asked = {"arithmetic": arithmetic, "max_megapixels": MAX_MEGAPIXELS, "top_k": len(labels)}
    metadata = archive.verify(path, model)
    with TemporaryDirectory() as name:
        folder, files = Path(name) / "archive", []
        with zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
        for index, image in enumerate(images):
            files.append(f"{name}/{index}")
            Path(files[-1]).write_bytes(image.read())
        # -P: what lies beside the program stays off the path; the archive's `handler` is the only one.
        done = subprocess.run(
            [sys.executable, "-P", str(_PROGRAM)],
            input=json.dumps(asked | {"images": files}),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"{path} can't answer here: {lines[-1]}")
    said = json.loads(done.stdout)
    answers = Answers.of_bodies(said["bodies"], labels)
    return Served(answers, metadata.version, said["arithmetic"], said["instructions"])


def by_server(url: str, images: Sequence[Sample], labels: Sequence[str]) -> Served:
    """Return what a running server answers to the original files, posted over several connections.

    Raises:
        UserError: nothing answers, an image is refused, an answer is no JSON object, or several versions answer.
    """
    headers = {"content-type": "application/octet-stream", "x-top-k": str(len(labels))} | caller.headers()
    with requests.Session() as session, ThreadPoolExecutor(_CONNECTIONS) as pool:
        session.trust_env = False  # A proxy of the environment leads outside; the server is named.
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=_CONNECTIONS))

        def post(image: Sample) -> requests.Response:
            return session.post(url, data=image.read(), headers=headers, timeout=_TIMEOUT_S)

        try:
            responses = list(pool.map(post, images))
        except requests.RequestException as error:
            name = type(error).__name__
            raise UserError(f"{url} does not answer ({name}); `make start` starts the server.") from error
    for image, response in zip(images, responses, strict=True):
        if not response.ok:
            raise UserError(f"{url} answered {response.status_code} to {image.name}: {response.text[:200]}")
    bodies = [_object(response, url) for response in responses]
    versions = {response.headers.get("x-model-version") for response in responses}
    if len(versions) > 1:
        raise UserError(f"{url}: several versions answered ({', '.join(map(str, versions))}); add one to the path.")
    # Workers of one version compute in one arithmetic: it is config.properties' and the CPU's.
    arithmetic = responses[0].headers.get("x-model-arithmetic")
    return Served(Answers.of_bodies(bodies, labels), versions.pop(), arithmetic, None)


def _object(response: requests.Response, url: str) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise UserError(f"{url} answered {response.text[:80]!r}, not a JSON object; is it the URL of a model?")
    return body
