"""The OpenAPI document is what its sources make, and knows every error."""

import json
import re
from pathlib import Path

import pytest

from scripts import openapi
from scripts.describing import document
from scripts.errors import UserError
from scripts.serving.edge_templates import TEMPLATES

FOUND = document.document()


def test_the_committed_document_is_what_make_openapi_writes() -> None:
    assert openapi.TARGET.read_text(encoding="utf-8") == openapi.text()


def test_it_is_valid_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not in the lock file")
    validator.validate(json.loads(openapi.text()))


def test_every_error_of_the_edge_has_an_example_with_its_status() -> None:
    """By the templates' text: what an error is made of there is a call `error(…, "<code>", …)`."""
    text = (TEMPLATES / "errors.yaml.j2").read_text() + (TEMPLATES / "errors.lua").read_text()
    named = set(re.findall(r'error\(.*?, "([a-z_]+)", ', text)) | set(re.findall(r'code = "([a-z_]+)"', text))
    assert {"unauthorized", "server_error", "not_ready"} <= named
    documented = list(document.errors())
    assert named <= {error.code for error in documented}
    for status, code in re.findall(r'error\(status\("EQ", (\d+)\), "([a-z_]+)", "', text):
        if code != "refused":  # what Envoy calls 501 is answered with 400
            assert (code, int(status)) in {(error.code, error.status) for error in documented}


def test_an_error_of_the_handler_without_an_example_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorter = tmp_path / "errors.yaml"
    lines = document.ERRORS.read_text(encoding="utf-8").splitlines()
    shorter.write_text("\n".join(line for line in lines if "truncated_image" not in line), encoding="utf-8")
    monkeypatch.setattr(document, "ERRORS", shorter)
    with pytest.raises(UserError, match=r"truncated_image of .* has no example"):
        document.document()
    shorter.write_text("- {code: no_such, of: image, message: none}", encoding="utf-8")
    with pytest.raises(UserError, match="no_such is no code of handler"):
        document.document()


def test_each_example_of_an_error_is_under_its_own_status() -> None:
    """So that Swagger UI shows under a status what is answered with it."""
    for operation in document.operations(FOUND):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            content = FOUND["components"]["responses"][response["$ref"].split("/")[-1]]["content"]
            examples = content["application/json"]["examples"]
            assert examples
            for code, reference in examples.items():
                assert reference["$ref"] == f"#/components/examples/{code}_{status}"
                example = FOUND["components"]["examples"][f"{code}_{status}"]["value"]
                assert example["error"]["code"] == code


def test_try_it_out_begins_with_the_default_model_and_can_name_another() -> None:
    for path, item in FOUND["paths"].items():
        if "{model}" in path:
            assert {"$ref": "#/components/parameters/model"} in item["parameters"]
    model = FOUND["components"]["parameters"]["model"]
    assert (model["schema"]["default"], "enum" in model["schema"]) == ("mobilenet_v3", False)
    # As the page's own host has it, whatever that is.
    assert FOUND["servers"][0]["url"] == "/"


def test_what_the_edge_takes_by_query_and_by_header_is_described_as_both() -> None:
    pairs = re.findall(
        r'set_header\("(x-[a-z-]+)", "%QUERY_PARAM\((\w+)\)%"\)', (TEMPLATES / "routes.yaml.j2").read_text()
    )
    assert ("x-class", "class") in pairs
    described = FOUND["components"]["parameters"]
    for header, query in pairs:
        assert (described[header]["in"], described[query]["in"]) == ("header", "query")
        for operation in document.operations(FOUND):
            names = {parameter["$ref"].split("/")[-1] for parameter in operation.get("parameters", [])}
            assert (header in names) == (query in names), operation["operationId"]


@pytest.mark.parametrize("user", ["ann", "Ann of line 4", "müller", "u" * 1000, '{"id": 7}'])
def test_a_user_is_described_as_the_edge_takes_it(user: str) -> None:
    assert re.fullmatch(FOUND["components"]["parameters"]["x-user-id"]["schema"]["pattern"], user)
