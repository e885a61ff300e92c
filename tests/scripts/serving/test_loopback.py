"""Questions to the servers of this machine."""

import socket
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler

import pytest

from scripts.serving import loopback
from scripts.serving.loopback import NoAnswer
from tests.http_server import HttpServer, serving


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(503 if self.path == "/away" else 200)
        self.end_headers()
        self.wfile.write(f"{self.path} {self.headers['content-type']} ".encode() + body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _server() -> AbstractContextManager[str]:
    return serving(HttpServer(("127.0.0.1", 0), _Echo))


def test_a_question_arrives_whole_past_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with _server() as url:
        answer = loopback.ask(
            "POST", f"{url}/stats", 5, query={"filter": "^a b$"}, body=b"cell", headers={"content-type": "image/png"}
        )
    assert (answer.ok, answer.text) == (True, "/stats?filter=%5Ea+b%24 image/png cell")


def test_an_error_is_an_answer_too() -> None:
    with _server() as url:
        answer = loopback.ask("POST", f"{url}/away", 5, body=b"")
    assert (answer.ok, answer.status, answer.reason) == (False, 503, "Service Unavailable")


def test_where_nobody_listens_there_is_no_answer() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
            loopback.ask("GET", f"http://127.0.0.1:{unheard.getsockname()[1]}/", 5)


def test_a_server_that_takes_a_question_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NoAnswer, match="TimeoutError"):
        loopback.ask("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/", 0.1)
