"""Ask the running edge about an image, or about each image of a folder."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from mobilenet_v3_client import Client, MobileNetV3Error, Refused, Unauthorized, Unreachable, UnreadableSource, batch
from mobilenet_v3_client.output import FORMATS
from scripts import cli
from scripts.errors import UserError
from scripts.serving.running import attached


def main(
    image: Annotated[Path, typer.Argument(help="a file: JPEG, PNG, WebP, BMP, GIF or TIFF; or a folder of such files")],
    version: Annotated[str | None, typer.Option(help="pin a version; default: whichever the split gives")] = None,
    user: Annotated[str | None, typer.Option(help="sent as x-user-id: the same user meets the same version")] = None,
    top_k: Annotated[int | None, typer.Option(help="predictions in the answer")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the answer as it came; of a folder, a line each")
    ] = False,
) -> None:
    """Send one image and print what the model sees in it; or the images of a folder, and a line for each."""
    with _client() as client:
        try:
            if image.is_dir():
                form = FORMATS["jsonl" if as_json else "table"]
                raise typer.Exit(batch.predict(client, [str(image)], form, version=version, user=user, top_k=top_k))
            found = client.predict(image, version=version, user=user, top_k=top_k)
        except MobileNetV3Error as error:
            raise _said(error, client.url) from error
        except ValueError as error:
            raise UserError(str(error)) from error
    if as_json:
        print(json.dumps(found.as_dict()))
        return
    for row in found.classes:
        print(f"{row.probability:8.2%}  {row.label}")
    print(f"{found.model} {found.version}, request {found.request_id}")


def _client() -> Client:
    """Return a client of the server of this run directory, whatever ports it was started with.

    Raises:
        UserError: none runs there, or API_KEY holds what can be no key.
    """
    wanted, running = attached(os.environ)
    try:
        return Client(running.url, wanted.spec.name, certificate=wanted.certificate)
    except ValueError as error:
        raise UserError(str(error)) from error


def _said(error: MobileNetV3Error, url: str) -> UserError:
    if isinstance(error, UnreadableSource):
        return UserError(f"{error.message}; name an image file or a folder of them, e.g. make predict IMAGE=cell.png.")
    if isinstance(error, Unreachable):
        return UserError(f"{error.message}; `make start` starts the server.")
    if isinstance(error, Unauthorized):
        return UserError(
            f"{url} asks for a key, and API_KEY holds none that it knows; `export API_KEY=<name>.<secret>`."
        )
    if isinstance(error, Refused):
        said = json.dumps({"code": error.code, "message": error.message})
        return UserError(f"{url} answered {error.status}: {said}")
    return UserError(f"{url}: {error.message.removeprefix(f'{url}: ')}")


if __name__ == "__main__":
    cli.run(main)
