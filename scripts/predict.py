"""Ask the running edge about one image."""

import json
import os
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts import caller, cli
from scripts.errors import UserError
from scripts.serving import loopback
from scripts.serving.loopback import NoAnswer
from scripts.serving.running import attached

_TIMEOUT_S = 60


def main(
    image: Annotated[Path, typer.Argument(help="a file: JPEG, PNG, WebP, BMP, GIF or TIFF")],
    version: Annotated[str | None, typer.Option(help="pin a version; default: whichever the split gives")] = None,
    user: Annotated[str | None, typer.Option(help="sent as x-user-id: the same user meets the same version")] = None,
    top_k: Annotated[int | None, typer.Option(help="predictions in the answer")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as it came")] = False,
) -> None:
    """Send one image and print what the model sees in it."""
    try:
        body = image.read_bytes()
    except OSError as error:
        raise UserError(f"{image}: {error.strerror}; name an image file, e.g. make predict IMAGE=cell.png.") from error
    url, certificate = _edge(version)
    answer = ask(url, body, user, top_k, certificate)
    if as_json:
        print(json.dumps(answer))
        return
    for prediction in answer["predictions"]:
        print(f"{prediction['probability']:8.2%}  {prediction['label']}")
    print(f"{answer['model']} {answer['version']}, request {answer['request_id']}")


def ask(url: str, body: bytes, user: str | None, top_k: int | None, certificate: Path | None) -> dict[str, Any]:
    """Return the edge's answer to one image; `certificate` is the one that it shows.

    Raises:
        UserError: nothing answers at `url`, or it refuses, with its own words.
    """
    headers = {"content-type": "application/octet-stream"} | caller.headers()
    headers |= {"x-user-id": user} if user else {}
    params = {"top_k": str(top_k)} if top_k is not None else {}
    try:
        response = loopback.ask(
            "POST", url, _TIMEOUT_S, query=params, body=body, headers=headers, certificate=certificate
        )
    except NoAnswer as error:
        raise UserError(f"{url} does not answer ({error}); `make start` starts the server.") from error
    try:
        answer: dict[str, Any] = response.json()
    except ValueError as error:
        raise UserError(f"{url} answered {response.status} without JSON; is it this project's edge?") from error
    if response.status == HTTPStatus.UNAUTHORIZED:
        raise UserError(
            f"{url} asks for a key, and API_KEY holds none that it knows; `export API_KEY=<name>.<secret>`."
        )
    if not response.ok:
        raise UserError(f"{url} answered {response.status}: {json.dumps(answer.get('error', answer))}")
    return answer


def _edge(version: str | None) -> tuple[str, Path | None]:
    """Return where to ask, the server of this run directory, whatever ports it was started with, and its certificate.

    Raises:
        UserError: none runs there.
    """
    wanted, running = attached(os.environ)
    return f"{running.url}/predictions/{wanted.spec.name}" + (f"/{version}" if version else ""), wanted.certificate


if __name__ == "__main__":
    cli.run(main)
