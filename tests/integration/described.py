"""An answer held against what web/openapi.json says of its operation."""

import functools
import json
from typing import Any

import jsonschema
import requests

from scripts import openapi


@functools.cache
def document() -> dict[str, Any]:
    """Return the committed document."""
    found: dict[str, Any] = json.loads(openapi.TARGET.read_text(encoding="utf-8"))
    return found


def check(answer: requests.Response, path: str) -> None:
    """Raise where an answer is not among those that the operation at `path`, as the document has it, can give."""
    method = str(answer.request.method).lower()
    responses = document()["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, f"{method} {path}: {answer.status_code} {answer.text}"
    said = _resolved(responses[str(answer.status_code)])
    for name, header in said.get("headers", {}).items():
        described = _resolved(header)
        if described.get("required"):
            assert name in answer.headers, f"{method} {path}: {answer.status_code} without {name}"
        if name in answer.headers:
            _valid(answer.headers[name], described["schema"])
    content_type = answer.headers["content-type"]
    assert content_type in said["content"], f"{method} {path}: {content_type}"
    if content_type == "application/json":
        _valid(answer.json(), said["content"][content_type]["schema"])
        if answer.status_code < 400 or answer.json()["error"]["code"] != "refused":
            assert "x-request-id" in answer.headers
        if answer.status_code >= 400:
            assert answer.json()["error"]["code"] in said["content"][content_type]["examples"], answer.text


def _resolved(described: dict[str, Any]) -> Any:
    if "$ref" not in described:
        return described
    return functools.reduce(lambda part, key: part[key], described["$ref"].removeprefix("#/").split("/"), document())


def _valid(value: Any, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": document()["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)
