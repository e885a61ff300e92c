"""What a person does with the demo page, in a real browser, and what comes of it."""

import json
from typing import Any

import numpy as np
import pytest
import requests

from scripts.serving import processes
from tests.integration.browser.page import Demo, shown
from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.browser

BROKEN = ("broken.png", "image/png", b"\x89PNG\r\n\x1a\nand no more")
MAP = {
    "label": "defective",
    "map": [[0.0, 0.5], [0.5, 1.0]],
    "region": {"left": 0.25, "top": 0, "right": 0.75, "bottom": 1},
}
# The part of the pixels in a column of the overlay that show something.
PAINTED = """
(canvas, share) => {
  const column = canvas.getContext("2d").getImageData(Math.round(share * (canvas.width - 1)), 0, 1, canvas.height).data;
  return column.filter((value, index) => index % 4 === 3 && value > 0).length / canvas.height;
}
"""
# How opaque the overlay is in the middles of so many columns and rows.
OPACITIES = """
(canvas, [columns, rows]) => Array.from({ length: rows * columns }, (_, place) => {
  const [row, column] = [Math.floor(place / columns), place % columns];
  const at = [(column + 0.5) * canvas.width / columns, (row + 0.5) * canvas.height / rows].map(Math.floor);
  return canvas.getContext("2d").getImageData(...at, 1, 1).data[3];
})
"""


@pytest.fixture
def demo(tab: Any, server: Server) -> Demo:
    return Demo.at(tab, server.url)


def image(cells: list[bytes], number: int) -> tuple[str, str, bytes]:
    return f"cell {number}.png", "image/png", cells[number]


def test_a_dropped_image_is_answered_with_bars_the_version_and_the_time(
    demo: Demo, server: Server, cells: list[bytes]
) -> None:
    demo.drop(image(cells, 0))
    [(version, first, bars)] = demo.answers("cell 0.png")
    expected = server.predict(cells[0], version).json()["predictions"]
    assert (first, bars) == (expected[0]["label"], shown(expected))
    assert " ms" in demo.card("cell 0.png").inner_text()
    width = demo.card("cell 0.png").locator(".bar > span").first.evaluate("fill => fill.style.inlineSize")
    assert float(width.removesuffix("%")) == pytest.approx(100 * expected[0]["probability"])


def test_a_pasted_image_and_a_photograph_are_answered_too(demo: Demo, cells: list[bytes]) -> None:
    demo.paste(image(cells, 1))
    demo.choose(image(cells, 2), by="Take a photo")
    for name in ("cell 1.png", "cell 2.png"):
        [(_, first, _)] = demo.answers(name)
        assert first in ("functional", "defective")
    assert demo.tab.get_by_label("Take a photo").get_attribute("capture") == "environment"


def test_several_images_at_once_are_each_answered(demo: Demo, server: Server, cells: list[bytes]) -> None:
    demo.answered_by("2.0")
    demo.choose(*(image(cells, number) for number in range(8)))
    for number in range(8):
        expected = server.predict(cells[number], "2.0").json()["predictions"]
        assert demo.answers(f"cell {number}.png") == [("2.0", expected[0]["label"], shown(expected))]
    assert demo.tab.get_by_text("8 images").is_visible()
    demo.tab.get_by_role("button", name="Clear").click()
    assert demo.tab.get_by_text("Nothing asked yet.").is_visible()


def test_a_sample_is_one_click_away(demo: Demo) -> None:
    demo.tab.get_by_role("button", name="with a crack").click()
    [(_, first, _)] = demo.answers("cell0806.png")
    assert first == "defective"
    assert demo.tab.get_by_text("CC BY-NC-SA 4.0").is_visible()


def test_the_number_of_classes_is_the_persons(demo: Demo, cells: list[bytes]) -> None:
    demo.tab.get_by_label("Classes").select_option("1")
    demo.drop(image(cells, 0))
    [(_, _, bars)] = demo.answers("cell 0.png")
    assert len(bars) == 1


def test_a_broken_file_shows_the_servers_own_words(demo: Demo, server: Server) -> None:
    demo.drop(BROKEN)
    said = server.predict(BROKEN[2]).json()["error"]
    card = demo.card("broken.png")
    assert card.get_by_text(said["code"], exact=True).is_visible()
    assert card.get_by_text(said["message"], exact=True).is_visible()
    assert card.get_by_text("The browser can't show this file.").is_visible()


def test_what_was_refused_can_be_asked_again(demo: Demo, cells: list[bytes]) -> None:
    full = json.dumps({"error": {"code": "overloaded", "message": "too many requests at once; try again"}})
    demo.tab.route("**/predictions/**", lambda route: route.fulfill(status=503, body=full), times=1)
    demo.drop(image(cells, 0))
    assert "too many requests at once" in demo.card("cell 0.png").inner_text()
    demo.tab.get_by_role("button", name="Ask again").click()
    [(_, first, _)] = demo.answers("cell 0.png")
    assert first


def held_predictions(demo: Demo, number: int) -> list[Any]:
    """Return a list, which gets the first so many predictions that the page asks for; they are not answered."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    demo.tab.route("**/predictions/**", hold, times=number)
    return held


def test_what_was_cleared_is_not_asked_any_more(demo: Demo, cells: list[bytes]) -> None:
    held = held_predictions(demo, 4)
    demo.drop(*(image(cells, number) for number in range(12)))
    assert processes.wait_until(lambda: demo.tab.get_by_text("12 images").is_visible() and len(held) == 4, 20)
    demo.tab.get_by_role("button", name="Clear").click()
    sent: list[str] = []
    demo.tab.on("request", lambda request: sent.append(request.url) if "/predictions/" in request.url else None)
    demo.drop(image(cells, 12))
    assert demo.answers("cell 12.png")
    assert len(sent) == 1


def test_an_answer_that_comes_after_asking_again_is_nobodys(demo: Demo, cells: list[bytes]) -> None:
    held = held_predictions(demo, 1)
    with demo.tab.expect_request("**/predictions/**"):
        demo.drop(image(cells, 0))
    demo.tab.get_by_role("button", name="Ask again").click()
    assert demo.answers("cell 0.png")
    late = {"version": "2.0", "request_id": "x", "predictions": [{"label": "a cat", "index": 0, "probability": 0.9}]}
    held[0].fulfill(body=json.dumps(late))
    demo.drop(image(cells, 1))  # whose answer is the later one
    assert demo.answers("cell 1.png")
    said = demo.tab.get_by_role("status").inner_text()
    assert said.count("cell 0.png") == 1
    assert "a cat" not in said


def test_two_versions_answer_side_by_side_and_it_says_whether_they_agree(
    demo: Demo, server: Server, cells: list[bytes]
) -> None:
    demo.answered_by("Side by side")
    demo.choose(image(cells, 0), image(cells, 1))
    agreeing = 0
    for number in range(2):
        both = demo.answers(f"cell {number}.png")
        assert [version for version, _, _ in both] == ["1.0", "2.0"]
        for version, _, bars in both:
            assert bars == shown(server.predict(cells[number], version).json()["predictions"])
        same = both[0][1] == both[1][1]
        agreeing += same
        verdict = demo.card(f"cell {number}.png").get_by_text("Both agree" if same else "They disagree")
        assert verdict.is_visible()
    assert demo.tab.get_by_text(f"versions agree on {agreeing} of 2").is_visible()


def test_versions_that_name_different_classes_are_said_to_disagree(demo: Demo, cells: list[bytes]) -> None:
    other = {"version": "2.0", "request_id": "x", "predictions": [{"label": "a cat", "index": 0, "probability": 0.9}]}
    demo.tab.route(f"**/predictions/{MODEL}/2.0*", lambda route: route.fulfill(body=json.dumps(other)))
    demo.answered_by("Side by side")
    demo.drop(image(cells, 0))
    assert demo.card("cell 0.png").get_by_text("They disagree").is_visible()
    assert demo.tab.get_by_text("versions agree on 0 of 1").is_visible()


def test_an_explanation_lies_over_its_part_of_the_image_as_strongly_as_the_slider_says(
    demo: Demo, cells: list[bytes]
) -> None:
    asked: list[str] = []

    def explain(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(body=json.dumps({"explanation": MAP}))

    demo.tab.route("**/explanations/**", explain)
    demo.answered_by("2.0")
    demo.drop(image(cells, 0))
    card = demo.card("cell 0.png")
    card.get_by_role("button", name="Show why").click()
    overlay = card.get_by_role("img", name="What speaks for defective, to version 2.0")
    overlay.wait_for()
    assert asked[0].endswith(f"/explanations/{MODEL}/2.0?format=map")
    assert [overlay.evaluate(PAINTED, share) for share in (0.1, 0.6, 0.9)] == [0, pytest.approx(1, abs=0.3), 0]
    slider = card.get_by_role("slider", name="Strength of the overlay")
    slider.press("Home")
    assert overlay.evaluate("canvas => getComputedStyle(canvas).opacity") == "0"
    slider.press("End")
    assert overlay.evaluate("canvas => getComputedStyle(canvas).opacity") == "1"
    card.get_by_role("button", name="Show why").click()
    assert not overlay.is_visible()


def test_the_servers_own_explanation_is_shown(demo: Demo, server: Server, cells: list[bytes]) -> None:
    demo.answered_by("2.0")
    demo.drop(image(cells, 0))
    card = demo.card("cell 0.png")
    card.get_by_role("button", name="Show why").click()
    [(_, first, _)] = demo.answers("cell 0.png")
    overlay = card.get_by_role("img", name=f"What speaks for {first}, to version 2.0")
    overlay.wait_for()
    found = requests.post(
        f"{server.url}/explanations/{MODEL}/2.0?format=map",
        data=cells[0],
        headers={"content-type": "image/png"},
        timeout=60,
    ).json()["explanation"]["map"]
    drawn = overlay.evaluate(OPACITIES, [len(found[0]), len(found)])
    assert np.corrcoef(drawn, np.ravel(found))[0, 1] > 0.97


def test_a_server_without_explanations_is_said_to_have_none(demo: Demo, cells: list[bytes]) -> None:
    none = json.dumps({"error": {"code": "no_explanations", "message": "this archive answers predictions only"}})
    demo.tab.route("**/explanations/**", lambda route: route.fulfill(status=501, body=none))
    demo.drop(image(cells, 0))
    demo.card("cell 0.png").get_by_role("button", name="Show why").click()
    demo.card("cell 0.png").get_by_text("This server gives no explanations.").wait_for()


def test_without_a_user_no_image_is_held_to_the_version_of_the_one_before(demo: Demo, cells: list[bytes]) -> None:
    """The edge's cookie would do that; no cookie and no login of the browser's goes with the page's requests."""
    demo.drop(image(cells, 0))
    demo.answers("cell 0.png")
    assert demo.tab.context.cookies() == []


def test_a_user_meets_the_version_that_the_edge_keeps_for_it(demo: Demo, server: Server, cells: list[bytes]) -> None:
    def met(user: str) -> str:
        return server.predict(cells[0], headers={"x-user-id": user}).headers["x-model-version"]

    rare = next(user for user in map(str, range(1000)) if met(user) == "2.0")
    demo.tab.get_by_text("Key and user").click()
    demo.tab.get_by_label("User").fill(rare)
    demo.tab.get_by_role("button", name="Use them").click()
    demo.choose(*(image(cells, number) for number in range(4)))
    assert {demo.answers(f"cell {number}.png")[0][0] for number in range(4)} == {"2.0"}


def test_the_live_panel_counts_on(demo: Demo, server: Server, cells: list[bytes]) -> None:
    panel = demo.tab.get_by_role("article", name="Version 2.0")
    panel.wait_for()

    def counted() -> int:
        return int(panel.locator("div", has=demo.tab.get_by_text("requests", exact=True)).locator("dd").inner_text())

    before = counted()
    for number in range(3):
        server.predict(cells[number], "2.0")
    assert processes.wait_until(lambda: counted() >= before + 3, 20)
    assert panel.get_by_text("10 %").is_visible()
    assert panel.get_by_text("healthy", exact=True).is_visible()


def test_nobody_asks_for_figures_that_nobody_can_see(demo: Demo) -> None:
    asked: list[str] = []
    demo.tab.clock.install()
    demo.tab.reload()
    demo.tab.locator(".version").first.wait_for()
    demo.tab.on("request", lambda request: asked.append(request.url))
    with demo.tab.expect_request("**/live"):
        demo.tab.clock.run_for(2500)
    hide = "document.dispatchEvent(new Event('visibilitychange'))"
    demo.tab.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    demo.tab.evaluate(hide)
    asked.clear()
    demo.tab.clock.run_for(60_000)
    assert asked == []
    demo.tab.evaluate("delete document.hidden")
    with demo.tab.expect_request("**/live"):
        demo.tab.evaluate(hide)


def test_a_server_without_live_figures_is_said_to_have_none(tab: Any, server: Server) -> None:
    none = json.dumps({"error": {"code": "not_found", "message": "no such path"}})
    models = json.dumps({"models": [MODEL]})
    tab.route("**/live", lambda route: route.fulfill(status=404, body=none))
    tab.route("**/v1/models", lambda route: route.fulfill(body=models))
    demo = Demo.at(tab, server.url)
    tab.get_by_text("Not available here").wait_for()
    assert demo.tab.get_by_role("radio").count() == 1
    tab.get_by_role("button", name="with a crack").click()
    assert demo.answers("cell0806.png")


def test_a_page_that_was_opened_while_the_server_came_up_is_whole_when_it_is_up(tab: Any, server: Server) -> None:
    early = json.dumps({"error": {"code": "unavailable", "message": "the figures are not served just now"}})
    for path in ("**/live", "**/v1/models"):
        tab.route(path, lambda route: route.fulfill(status=503, body=early), times=1)
    tab.goto(server.url)
    tab.get_by_role("alert").get_by_text("unavailable: the figures are not served just now").wait_for()
    tab.get_by_role("radio", name="2.0").wait_for()
    assert not tab.get_by_role("alert").is_visible()


def test_the_description_of_the_api_is_shown_without_anything_from_elsewhere(tab: Any, server: Server) -> None:
    tab.goto(f"{server.url}/docs")
    described = requests.get(f"{server.url}/openapi.json", timeout=10).json()
    tab.get_by_role("heading", name=described["info"]["title"]).wait_for()
