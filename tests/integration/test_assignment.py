"""Who meets which version: a real Envoy that draws, in front of a server that says which version it was asked for."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from http.server import BaseHTTPRequestHandler

import pytest
import requests
from scipy import stats

from scripts.serving import processes
from scripts.serving.traffic import StickyCookie, Traffic
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.server import MODEL

IDS = [f"user-{number}" for number in range(10_000)]
COOKIE = {"name": "version_key", "ttl_s": 3600}
PATH = f"/predictions/{MODEL}"


def binomial_interval(trials: int, probability: float, confidence: float) -> range:
    low, high = stats.binom.interval(confidence, trials, probability)
    return range(int(low), int(high) + 1)


class Drawn:
    """An edge that draws, with a split that can be changed.

    Attributes:
        url: of the split.
    """

    def __init__(self, edge: LoneEdge) -> None:
        self.url = edge.url
        self._edge = edge

    def wants(self, **keys: object) -> None:
        """Bring the edge to traffic.yaml as it is shipped, but for some keys."""
        wanted = Traffic.model_validate({**self._edge.wanted.model_dump(), **keys})
        self._edge.files.apply(wanted, [])

    def met(self, users: list[str]) -> dict[str, str]:
        """Return the version that each of many users meets, asked over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self._edge.ports.edge, timeout=10)
        found = {}
        for user in users:
            connection.request("POST", PATH, body=b"x", headers={"x-user-id": user})
            found[user] = connection.getresponse().read().decode()
        connection.close()
        return found

    def routes(self) -> dict[str, str]:
        """Return the route of every request so far by its id, as the access log says."""
        assert self._edge.files.access_log is not None
        lines = map(json.loads, self._edge.files.access_log.read_text().splitlines())
        return {line["request_id"]: line["route"] for line in lines}


class Versions(BaseHTTPRequestHandler):
    """Answers with the version that it was asked for."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Head and body in one packet, or each answer waits 40 ms for an acknowledgement.

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        version = self.path.rsplit("/", 1)[1].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(version)))
        self.end_headers()
        self.wfile.write(version)

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def drawn() -> Iterator[Drawn]:
    with lone_edge(Versions, keys={"sticky_cookie": StickyCookie.model_validate(COOKIE)}) as edge:
        yield Drawn(edge)


@pytest.mark.operations
def test_raising_a_weight_moves_users_one_way_only_and_keeps_the_shares(drawn: Drawn) -> None:
    before: set[str] = set()
    for percent in (10, 25, 50):
        drawn.wants(split={"1.0": 100 - percent, "2.0": percent})
        met = drawn.met(IDS)
        new = {user for user, version in met.items() if version == "2.0"}
        assert set(met.values()) == {"1.0", "2.0"}
        assert len(new) in binomial_interval(len(IDS), percent / 100, 0.99)
        assert before <= new
        before = new


@pytest.mark.operations
def test_a_weight_of_0_gets_none_of_10_000(drawn: Drawn) -> None:
    drawn.wants(split={"1.0": 60, "2.0": 0, "3.0": 40})
    assert Counter(drawn.met(IDS).values()).keys() == {"1.0", "3.0"}
    drawn.wants(split={"1.0": 0, "2.0": 100})
    assert Counter(drawn.met(IDS).values()).keys() == {"2.0"}


def test_a_browser_keeps_the_version_of_its_first_answer_and_gets_its_cookie_once(drawn: Drawn) -> None:
    drawn.wants(split={"1.0": 50, "2.0": 50})
    firsts = []
    for _ in range(40):
        with requests.Session() as browser:
            answers = [browser.post(drawn.url, data=b"x", timeout=10) for _ in range(6)]
        assert len({answer.text for answer in answers}) == 1
        assert ["set-cookie" in answer.headers for answer in answers] == [True] + [False] * 5
        firsts.append(answers[0])
    # 0.5 ** 39 that they all meet the same.
    assert {answer.text for answer in firsts} == {"1.0", "2.0"}
    assert len({answer.cookies["version_key"] for answer in firsts}) == len(firsts)


def test_the_access_log_tells_a_draw_from_who_comes_back_with_its_cookie(drawn: Drawn) -> None:
    ids = [f"looked-up-{number}" for number in range(4)]
    with requests.Session() as browser:
        for each in ids:
            # The last one names a user, who is drawn by that.
            user = {"x-user-id": "somebody"} if each == ids[-1] else {}
            browser.post(drawn.url, data=b"x", headers={"x-request-id": each, **user}, timeout=10)
    assert processes.wait_until(lambda: drawn.routes().keys() >= set(ids), 30)
    assert [drawn.routes()[each] for each in ids] == ["split", "kept", "kept", "split"]


def test_the_cookie_says_nothing_of_its_caller_and_is_for_explanations_too(drawn: Drawn) -> None:
    drawn.wants()
    value, *attributes = requests.post(drawn.url, data=b"x", timeout=10).headers["set-cookie"].split("; ")
    assert value.startswith("version_key=")
    assert set(attributes) == {"Path=/", "Max-Age=3600", "HttpOnly", "SameSite=Lax"}


def test_a_cookie_beside_others_counts_and_one_that_ends_like_it_does_not(drawn: Drawn) -> None:
    drawn.wants(split={"1.0": 50, "2.0": 50})

    def met(cookie: str) -> tuple[set[str], set[bool]]:
        answers = [requests.post(drawn.url, data=b"x", headers={"cookie": cookie}, timeout=10) for _ in range(40)]
        return {answer.text for answer in answers}, {"set-cookie" in answer.headers for answer in answers}

    for cookie in ("version_key=abc", "a=b; version_key=abc", "version_key=abc; a=b", "a=b;version_key=abc;c=d"):
        assert met(cookie) == (met("version_key=abc")[0], {False})
        assert len(met(cookie)[0]) == 1
    for cookie in ("other=abc", "my_version_key=abc", "a=version_key=abc"):
        assert met(cookie) == ({"1.0", "2.0"}, {True})


def test_the_header_wins_over_the_cookie_and_sets_none(drawn: Drawn) -> None:
    drawn.wants(split={"1.0": 50, "2.0": 50})
    users = drawn.met(IDS[:50])
    for user, version in users.items():
        headers = {"x-user-id": user}
        alone = requests.post(drawn.url, data=b"x", headers=headers, timeout=10)
        other = requests.post(drawn.url, data=b"x", headers=headers | {"cookie": "version_key=abc"}, timeout=10)
        assert (alone.text, other.text) == (version, version)
        assert "set-cookie" not in {*alone.headers, *other.headers}
    assert set(users.values()) == {"1.0", "2.0"}


@pytest.mark.parametrize("cookie", [COOKIE, None])
def test_without_header_and_jar_each_request_is_drawn_anew(drawn: Drawn, cookie: object) -> None:
    drawn.wants(split={"1.0": 70, "2.0": 30}, sticky_cookie=cookie)
    # Over one connection, and with a value that only the edge may choose.
    with requests.Session() as session:
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        answers = [
            session.post(drawn.url, data=b"x", headers={"x-edge-draw": "1", "x-request-id": "1"}, timeout=10)
            for _ in range(1000)
        ]
    assert Counter(answer.text for answer in answers)["2.0"] in binomial_interval(1000, 0.3, 0.999999)
    assert {"set-cookie" in answer.headers for answer in answers} == {cookie is not None}


def test_without_cookie_and_header_in_traffic_yaml_nothing_is_sticky(drawn: Drawn) -> None:
    drawn.wants(split={"1.0": 50, "2.0": 50}, sticky_header=None, sticky_cookie=None)
    answers = [requests.post(drawn.url, data=b"x", headers={"x-user-id": "ann"}, timeout=10) for _ in range(60)]
    assert {answer.text for answer in answers} == {"1.0", "2.0"}


def test_without_a_sticky_header_the_cookie_alone_keeps_a_version(drawn: Drawn) -> None:
    drawn.wants(split={"1.0": 50, "2.0": 50}, sticky_header=None)
    for number in range(10):
        with requests.Session() as browser:
            headers = {"x-user-id": f"user-{number}"}
            answers = [browser.post(drawn.url, data=b"x", headers=headers, timeout=10) for _ in range(6)]
        assert len({answer.text for answer in answers}) == 1
        assert "set-cookie" in answers[0].headers


def test_a_pinned_path_sets_no_cookie(drawn: Drawn) -> None:
    drawn.wants()
    assert "set-cookie" not in requests.post(f"{drawn.url}/2.0", data=b"x", timeout=10).headers
