"""Predictions by gRPC: a real Envoy, and gRPC's own client."""

import contextlib
import http
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import grpc
import pytest

from scripts.describing import document
from scripts.serving import keys, processes
from scripts.serving.keys import Key
from scripts.serving.places import REPOSITORY
from scripts.serving.tls import Tls
from tests import certificates
from tests.http_server import Answering
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.lone_front import StubReplica, answer, lone_front
from tests.integration.server import MODEL, Server

EXAMPLES = REPOSITORY / "client" / "examples"
SERVICE = "org.pytorch.serve.grpc.inference.InferenceAPIsService"
REFUSED = json.dumps(
    {"error": {"code": "truncated_image", "message": "100 % zu kurz für ein Bild"}}, ensure_ascii=False
)


class Upstream(Answering):
    """A model server that is ready, keeps what it is asked, and answers as the image says."""

    asked: ClassVar[list[tuple[str, bytes, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.answer(b'{"status": "READY"}')

    def do_POST(self) -> None:
        body = self.body()
        self.asked.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
        if body == b"truncated":
            self.answer(REFUSED.encode(), http.HTTPStatus.BAD_REQUEST)
        elif body == b"no worker":
            self.answer(b'{"code": 503, "type": "X", "message": "no worker"}', http.HTTPStatus.SERVICE_UNAVAILABLE)
        elif body == b"many":
            self.answer(b"x" * 3_000_000)
        elif body == b"hang up":
            self.close_connection = True
        else:
            self.answer(b'{"predictions":[]}')


@dataclass(frozen=True)
class Caller:
    """A client of the edge's port."""

    channel: grpc.Channel
    pb2: ModuleType

    def ask(self, image: bytes = b"x", version: str = "", *metadata: tuple[str, str], **options: Any) -> Any:
        """Return the answer and its call."""
        request = self.pb2.PredictionsRequest(model_name=MODEL, model_version=version, input={"data": image})
        return self.send(request.SerializeToString(), *metadata, **options)

    def send(self, message: bytes, *metadata: tuple[str, str], method: str = "Predictions", **options: Any) -> Any:
        """Return the answer to a message as it is, and its call."""
        call = self.channel.unary_unary(
            f"/{SERVICE}/{method}", response_deserializer=self.pb2.PredictionResponse.FromString
        )
        return call.with_call(message, metadata=metadata, timeout=30, **options)

    def refusal(self, message: bytes, **options: Any) -> tuple[grpc.StatusCode, str]:
        """Return the status and the contract's code of a message that is refused."""
        with pytest.raises(grpc.RpcError) as refused:
            self.send(message, **options)
        return said(refused.value)


def said(error: Any) -> tuple[grpc.StatusCode, str]:
    return error.code(), json.loads(error.details())["error"]["code"]


@pytest.fixture(scope="module")
def pb2() -> Iterator[ModuleType]:
    """Return what protoc makes of client/examples/inference.proto."""
    sys.path.insert(0, str(EXAMPLES))
    import inference_pb2  # noqa: PLC0415

    yield inference_pb2
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def edge() -> Iterator[LoneEdge]:
    with lone_edge(Upstream) as running:
        yield running


@pytest.fixture(scope="module")
def caller(edge: LoneEdge, pb2: ModuleType) -> Iterator[Caller]:
    with plain(edge) as channel:
        yield Caller(channel, pb2)


def plain(edge: LoneEdge) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{edge.ports.edge}", options=[("grpc.max_receive_message_length", -1)])


def message_of(pb2: ModuleType, **fields: Any) -> bytes:
    return pb2.PredictionsRequest(**fields).SerializeToString()  # type: ignore[no-any-return]


def test_an_image_reaches_the_model_server_as_it_does_by_http(caller: Caller) -> None:
    image = bytes(range(256)) * 1000
    response, call = caller.ask(image, "", ("x-request-id", "mine"), ("x-top-k", "2"), ("x-user-id", "ann"))
    assert json.loads(response.prediction) == {"predictions": []}
    metadata = dict(call.initial_metadata())
    assert metadata["x-request-id"] == "mine"
    path, body, headers = Upstream.asked[-1]
    assert path == f"/predictions/{MODEL}/{metadata['x-model-version']}"
    assert body == image
    assert (headers["x-request-id"], headers["x-top-k"]) == ("mine", "2")
    # What gRPC says to the edge is no business of the worker's.
    assert not {"te", "grpc-timeout", "grpc-accept-encoding", "grpc-encoding", "user-agent"} & headers.keys()


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_version_is_pinned_by_the_message_or_by_metadata(caller: Caller, version: str) -> None:
    for number in range(5):
        user = ("x-user-id", f"user-{number}")
        for _, call in (caller.ask(b"x", version, user), caller.ask(b"x", "", user, ("x-model-version", version))):
            assert dict(call.initial_metadata())["x-model-version"] == version


def test_the_split_and_stickiness_hold(caller: Caller, edge: LoneEdge) -> None:
    def met(user: str) -> str:
        return str(dict(caller.ask(b"x", "", ("x-user-id", user))[1].initial_metadata())["x-model-version"])

    users = [f"user-{number}" for number in range(100)]
    first = {user: met(user) for user in users}
    # 0.9 ** 100 is 3e-5, and half of 100 is 13 standard deviations from 10.
    assert 0 < Counter(first.values())["2.0"] < 50
    assert {user: met(user) for user in users[:30]} == {user: first[user] for user in users[:30]}


def test_a_stream_of_answers_has_one(caller: Caller, pb2: ModuleType) -> None:
    ask = caller.channel.unary_stream(
        f"/{SERVICE}/StreamPredictions", response_deserializer=pb2.PredictionResponse.FromString
    )
    message = message_of(pb2, model_name=MODEL, input={"data": b"x"})
    assert [json.loads(each.prediction) for each in ask(message, timeout=30)] == [{"predictions": []}]


def test_an_answer_of_megabytes_comes_whole(caller: Caller) -> None:
    assert caller.ask(b"many")[0].prediction == b"x" * 3_000_000


def test_a_refused_image_is_an_invalid_argument_with_the_contracts_error_as_its_details(caller: Caller) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.ask(b"truncated")
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == REFUSED
    assert dict(refused.value.initial_metadata())["x-model-version"] in ("1.0", "2.0")


@pytest.mark.parametrize("image", [b"no worker", b"hang up"])
def test_what_may_be_asked_again_is_unavailable(caller: Caller, pb2: ModuleType, image: bytes) -> None:
    message = message_of(pb2, model_name=MODEL, input={"data": image})
    assert caller.refusal(message) == (grpc.StatusCode.UNAVAILABLE, "unavailable")


def test_what_is_no_request_is_refused_and_says_why(caller: Caller, pb2: ModuleType) -> None:
    def refusal(**fields: Any) -> tuple[str, str]:
        status, code = caller.refusal(message_of(pb2, **fields))
        return status.name, code

    asked = len(Upstream.asked)
    image = {"data": b"x"}
    invalid, unknown = ("INVALID_ARGUMENT", "malformed_body"), ("UNIMPLEMENTED", "not_found")
    assert refusal(model_name=MODEL, input={"data": b"x", "other": b"y"}) == invalid
    assert refusal(model_name=MODEL, input={"other": b"y"}) == invalid
    assert refusal(model_name="other", input=image) == unknown
    assert refusal(model_name=MODEL, model_version="9.9", input=image) == unknown
    assert refusal(model_name=f"{MODEL}/../../models", input=image) == unknown
    assert refusal(model_name=MODEL, model_version="1.0/..", input=image) == unknown
    assert refusal(model_name=MODEL, input={"data": b"x" * 16_000_001}) == ("RESOURCE_EXHAUSTED", "body_too_large")
    assert len(Upstream.asked) == asked


@pytest.mark.parametrize(
    "message",
    [b"\x0a\xff\xff\xff\xff\x0fabc", b"\x0a", b"\xff" * 30, b"\x0d1234", b"\x1a\x04\x12\x7fxx" + b"\x10\x01" * 9],
    ids=["longer than it is", "cut off", "an endless number", "a fixed number", "a cut entry"],
)
def test_bytes_that_are_no_message_are_refused(caller: Caller, message: bytes) -> None:
    assert caller.refusal(message) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed_body")


@pytest.mark.parametrize("field", [b"\x22\x00", b"\x20\x01"], ids=["of bytes", "of numbers"])
@pytest.mark.parametrize("is_entry", [False, True], ids=["in the message", "in an entry"])
def test_a_message_of_millions_of_fields_is_not_read_to_its_end(
    caller: Caller, pb2: ModuleType, field: bytes, is_entry: bool
) -> None:
    message = field * 2_000_000
    if is_entry:
        # The same bytes as a field's content: `input` has the number 3, and the response's `prediction` 1.
        message = b"\x1a" + pb2.PredictionResponse(prediction=message).SerializeToString()[1:]
    with pytest.raises(grpc.RpcError) as refused:
        caller.send(message)
    assert said(refused.value) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed_body")
    assert "more than 16 fields" in str(refused.value.details())


def test_a_name_of_megabytes_gets_neither_into_the_path_nor_into_the_access_log(
    caller: Caller, edge: LoneEdge, pb2: ModuleType
) -> None:
    long = "a" * 1_000_000
    for fields in ({"model_name": long}, {"model_name": MODEL, "model_version": long}, {"input": {long: b"x"}}):
        assert caller.refusal(message_of(pb2, **fields)) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed_body")
    caller.ask(b"x", "", ("x-request-id", "after the long ones"))
    log = edge.files.access_log
    assert log
    assert processes.wait_until(lambda: "after the long ones" in log.read_text(), 30)
    assert len(log.read_text()) < len(long)


def test_a_compressed_message_is_refused(caller: Caller, pb2: ModuleType) -> None:
    message = message_of(pb2, model_name=MODEL, input={"data": bytes(10_000)})
    refused = caller.refusal(message, compression=grpc.Compression.Gzip)
    assert refused == (grpc.StatusCode.INVALID_ARGUMENT, "malformed_body")


@pytest.mark.parametrize(
    "metadata",
    [[("a_b", "c")], [(f"x-{number}", "") for number in range(101)], [("x-long", "x" * 33_000)]],
    ids=["an underscore", "too many", "too long"],
)
def test_metadata_that_the_edge_refuses_is_an_internal_error(caller: Caller, metadata: list[tuple[str, str]]) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.ask(b"x", "", *metadata)
    assert refused.value.code() == grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("method", ["Ping", "StreamPredictions2"])
def test_other_methods_are_unimplemented(caller: Caller, pb2: ModuleType, method: str) -> None:
    message = message_of(pb2, model_name=MODEL, input={"data": b"x"})
    assert caller.refusal(message, method=method) == (grpc.StatusCode.UNIMPLEMENTED, "not_found")


def test_management_can_not_be_reached_by_grpc(caller: Caller) -> None:
    call = caller.channel.unary_unary("/org.pytorch.serve.grpc.management.ManagementAPIsService/ListModels")
    with pytest.raises(grpc.RpcError) as refused:
        call(b"", timeout=30)
    assert said(refused.value) == (grpc.StatusCode.UNIMPLEMENTED, "not_found")


def test_the_access_log_has_the_status_that_http_would_have(caller: Caller, edge: LoneEdge) -> None:
    expected = {"fine": 200, "truncated": 400, "no worker": 503, "hang up": 503}
    for image in expected:
        with contextlib.suppress(grpc.RpcError):
            caller.ask(image.encode(), "", ("x-request-id", f"log {image}"))

    def logged() -> dict[str, int]:
        assert edge.files.access_log
        entries = [json.loads(line) for line in edge.files.access_log.read_text().splitlines()]
        return {each["request_id"][4:]: each["status"] for each in entries if each["request_id"].startswith("log ")}

    assert processes.wait_until(lambda: len(logged()) == len(expected), 30)
    assert logged() == expected


def statuses_of_codes() -> dict[str, int]:
    """Return gRPC's status of each code, as the edge gives it where it is not INVALID_ARGUMENT."""
    source = (REPOSITORY / "deploy" / "edge" / "grpc.lua").read_text()
    table = source[source.index("local STATUS = {") :].split("\n}")[0]
    return {code: int(status) for code, status in re.findall(r"(\w+) = (\d+)", table)}


def test_each_of_the_handlers_codes_has_a_status_of_grpc() -> None:
    """By default it is INVALID_ARGUMENT; that must not be said of what is no fault of the caller's."""
    ours = {kind.code for kind in document.kinds() if kind.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR}
    # Of explanations, which are not asked by gRPC.
    assert ours - {"no_explanations"} <= statuses_of_codes().keys()


def test_the_guides_table_of_statuses_is_the_edges() -> None:
    text = (REPOSITORY / "docs" / "grpc.md").read_text()
    table = text[text.index("| gRPC status | codes |") :].split("\n\n")[0]
    shown = {
        code: grpc.StatusCode[name].value[0]
        for name, codes in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, flags=re.MULTILINE)
        for code in re.findall(r"`(\w+)`", codes)
    }
    assert shown == statuses_of_codes()


def test_a_key_is_asked_for_as_by_http(pb2: ModuleType) -> None:
    with lone_edge(Upstream, admitted={"ann": Key(hash=keys.hashed("secret"))}) as guarded, plain(guarded) as channel:
        caller = Caller(channel, pb2)
        message = message_of(pb2, model_name=MODEL, input={"data": b"x"})
        assert caller.refusal(message) == (grpc.StatusCode.UNAUTHENTICATED, "unauthorized")
        assert caller.ask(b"x", "", ("x-api-key", "ann.secret"))[0].prediction
        assert not {"x-api-key", "x-edge-client"} & Upstream.asked[-1][2].keys()


@pytest.mark.operations
@certificates.needs_openssl
def test_it_goes_over_tls(tmp_path: Path, pb2: ModuleType) -> None:
    certificate, key = certificates.make(tmp_path, "first")
    with lone_edge(Upstream, tls=Tls(certificate=str(certificate), key=str(key))) as secured:
        trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
        name = [("grpc.ssl_target_name_override", "first.edge.example")]
        with grpc.secure_channel(f"127.0.0.1:{secured.ports.edge}", trusted, name) as channel:
            assert Caller(channel, pb2).ask()[0].prediction


@pytest.mark.operations
def test_a_front_passes_it_on(pb2: ModuleType) -> None:
    replica = StubReplica(answer(http.HTTPStatus.OK, b"{}", x_model_version="1.0"))
    with lone_front(replica) as front, plain(front) as channel:
        response, call = Caller(channel, pb2).ask()
        assert (response.prediction, dict(call.initial_metadata())["x-model-version"]) == (b"{}", "1.0")
        replica.reply = answer(http.HTTPStatus.BAD_REQUEST, REFUSED.encode())
        message = message_of(pb2, model_name=MODEL, input={"data": b"x"})
        assert Caller(channel, pb2).refusal(message) == (grpc.StatusCode.INVALID_ARGUMENT, "truncated_image")


@pytest.mark.operations
def test_the_example_prints_what_the_model_sees(server: Server, cell: bytes, tmp_path: Path) -> None:
    image = tmp_path / "cell.png"
    image.write_bytes(cell)
    script = str(EXAMPLES / "grpc_predict.py")
    words = [sys.executable, script, str(image), "--address", server.url.removeprefix("http://"), "--version", "2.0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "defective" in done.stdout
    assert f"{MODEL} 2.0" in done.stdout
    image.write_bytes(cell[: len(cell) // 2])
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith('INVALID_ARGUMENT: {"error":{"code":"truncated_image"')
