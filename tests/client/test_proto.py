"""client/examples/inference_pb2.py is what inference.proto beside it says; protoc itself is not in the lock file."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from scripts.serving.places import REPOSITORY

EXAMPLES = REPOSITORY / "client" / "examples"


def test_the_generated_module_is_that_of_the_proto_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    generated = " ".join(statements(import_module("inference_pb2").DESCRIPTOR))
    written = re.sub(r"//.*", "", (EXAMPLES / "inference.proto").read_text())
    assert re.findall(r"\w+|\S", written) == re.findall(r"\w+|\S", generated)


def statements(file: Any) -> Iterator[str]:
    """Give what a .proto file must say for its descriptor to be this one."""
    yield f'syntax = "proto3"; package {file.package};'
    for message in file.message_types_by_name.values():
        yield f"message {message.name} {{"
        yield from (f"{kind_of(field)} {field.name} = {field.number};" for field in message.fields)
        yield "}"
    for service in file.services_by_name.values():
        yield f"service {service.name} {{"
        for method in service.methods:
            asked = "stream " * method.client_streaming + method.input_type.name
            answered = "stream " * method.server_streaming + method.output_type.name
            yield f"rpc {method.name}({asked}) returns ({answered}) {{}}"
        yield "}"


def kind_of(field: Any) -> str:
    if field.message_type is None:
        return {field.TYPE_STRING: "string", field.TYPE_BYTES: "bytes"}[field.type]
    assert field.message_type.GetOptions().map_entry, f"{field.name}: a message in a message"
    key, value = field.message_type.fields
    return f"map<{kind_of(key)}, {kind_of(value)}>"
