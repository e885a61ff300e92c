"""The key goes to the server and nowhere else; what is in the environment changes nothing unasked."""

import logging
import traceback
from pathlib import Path

import pytest

from mobilenet_v3_client import Client, MobileNetV3Error, Retries
from tests.client.stub import Stub, answer, hang_up, refuse, stub_server

KEY = "line-4.the-secret-of-line-4"


def test_the_key_is_taken_from_the_environment_or_the_argument(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", f"{KEY}\n")
    Client(stub.url).predict(b"image")
    Client(stub.url, api_key="line-5.other").predict(b"image")
    Client(stub.url, api_key="").predict(b"image")
    assert [request.headers.get("x-api-key") for request in stub.asked] == [KEY, "line-5.other", None]


def test_the_key_is_shown_nowhere(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(stub.url, api_key=KEY, retries=Retries(tries=2, first_s=0.001))
    shown = [repr(client), str(client), str(vars(client))]
    with caplog.at_level(logging.DEBUG):
        client.predict(b"image")
        for trouble in (refuse(401, "unauthorized"), hang_up, answer(200, b"<html>")):
            stub.always = trouble
            with pytest.raises(MobileNetV3Error) as raised:
                client.predict(b"image")
            shown += ["".join(traceback.format_exception(raised.value)), repr(raised.value)]
    assert len(caplog.records) > 3
    assert "secret" not in "".join(shown) + caplog.text


@pytest.mark.parametrize("key", ["line-4.hush\nx-other: 1", "line-4. hush", "hush-é"])
def test_a_key_that_can_be_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="the API key has blanks") as raised:
        Client(api_key=key)
    assert "hush" not in str(raised.value)


def test_a_password_in_the_address_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="api_key") as raised:
        Client("https://ann:the-secret@127.0.0.1:8000")
    assert "secret" not in str(raised.value)


def test_a_redirect_is_not_followed_with_the_key(stub: Stub) -> None:
    with stub_server() as other:
        stub.always = answer(307, b"", location=f"{other.url}/predictions/mobilenet_v3")
        with pytest.raises(MobileNetV3Error, match="http_307"):
            Client(stub.url, api_key=KEY).predict(b"image")
        assert not other.asked


def test_no_proxy_of_the_environment_is_between_this_machine_and_itself(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert Client(stub.url).predict(b"image").label == "defective"
    monkeypatch.setenv("http_proxy", stub.url)
    assert Client("http://vision.example.org").predict(b"image").label == "defective"
    assert stub.asked[-1].path == "http://vision.example.org/predictions/mobilenet_v3"


def test_passwords_of_netrc_are_left_where_they_are(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password of-something-else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    Client(stub.url).predict(b"image")
    assert "authorization" not in stub.asked[0].headers


def test_a_cookie_does_not_keep_later_images_with_the_first_ones_version(stub: Stub, client: Client) -> None:
    stub.then(answer(set_cookie="version_key=0.5; Path=/; Max-Age=1000"))
    client.predict(b"image")
    client.predict(b"image")
    assert "cookie" not in stub.asked[1].headers


def test_a_user_of_any_alphabet_is_sent_as_a_command_line_would(stub: Stub, client: Client) -> None:
    client.predict(b"image", user="Jürgen 用户")
    assert stub.asked[0].headers["x-user-id"].encode("latin-1") == "Jürgen 用户".encode()


@pytest.mark.parametrize("user", ["ann\r\nx-api-key: other", " ann", "ann "])
def test_a_user_can_not_bring_headers_of_its_own_nor_blanks_that_a_header_loses(
    stub: Stub, client: Client, user: str
) -> None:
    with pytest.raises(ValueError, match="user"):
        client.predict(b"image", user=user)
    assert stub.asked == []


def test_one_connection_serves_one_question_after_the_other(stub: Stub, client: Client) -> None:
    for _ in range(3):
        client.predict(b"image")
    assert len({request.peer for request in stub.asked}) == 1
