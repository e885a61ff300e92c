"""description.yaml and errors.yaml → the OpenAPI document that the edge serves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from handler.errors import RequestError
from scripts.errors import UserError

_HERE = Path(__file__).parent
DESCRIPTION = _HERE / "description.yaml"
ERRORS = _HERE / "errors.yaml"
_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True)
class Documented:
    """An error that a caller can get.

    Attributes:
        code: the contract's.
        status: of HTTP.
        group: of operations that can get it; see errors.yaml.
        message: an example.
    """

    code: str
    status: int
    group: str
    message: str

    @property
    def body(self) -> dict[str, Any]:
        """Return what is answered."""
        return {"error": {"code": self.code, "message": self.message}}


def document() -> dict[str, Any]:
    """Return the OpenAPI document.

    Raises:
        UserError: an error of handler/errors.py has no example, or an example no error.
    """
    found: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    documented = list(errors())
    components = found["components"]
    components["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"] = sorted(
        {error.code for error in documented}
    )
    components["examples"] = {_key(error): {"value": error.body} for error in documented}
    for operation in operations(found):
        groups = operation.pop("errors")
        mine = [error for error in documented if error.group in groups]
        for status in sorted({error.status for error in mine}):
            name = f"{'_'.join(groups)}_{status}"
            components["responses"][name] = _response([error for error in mine if error.status == status])
            operation["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    return found


def errors() -> Iterator[Documented]:
    """Give every error, those that the handler gives with the status that it gives them; raises as `document` does."""
    statuses = {kind.code: kind.status for kind in kinds()}
    entries = yaml.safe_load(ERRORS.read_text(encoding="utf-8"))
    for entry in entries:
        status = entry.get("status") or statuses.get(entry["code"])
        if status is None:
            raise UserError(
                f"{ERRORS}: {entry['code']} is no code of handler/errors.py; give it a status, or take it out."
            )
        yield Documented(entry["code"], status, entry["of"], entry["message"])
    if missing := statuses.keys() - {entry["code"] for entry in entries}:
        raise UserError(f"{ERRORS}: {', '.join(sorted(missing))} of handler/errors.py has no example; add one.")


def operations(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every operation of an OpenAPI document."""
    for path in found["paths"].values():
        yield from (operation for method, operation in path.items() if method in ("get", "post"))


def kinds(kind: type[RequestError] = RequestError) -> Iterator[type[RequestError]]:
    """Give every error of the handler: what is below `kind`."""
    for below in kind.__subclasses__():
        yield below
        yield from kinds(below)


def _response(documented: Sequence[Documented]) -> dict[str, Any]:
    status = HTTPStatus(documented[0].status)
    codes = ", ".join(f"`{error.code}`" for error in documented)
    headers = ["x-request-id"] + (["retry-after"] if status in _AGAIN else [])
    return {
        "description": f"{status.phrase}: {codes}.",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {error.code: {"$ref": f"#/components/examples/{_key(error)}"} for error in documented},
            }
        },
    }


def _key(error: Documented) -> str:
    return f"{error.code}_{error.status}"
