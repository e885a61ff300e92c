"""The demo page by keyboard, on a phone, in the dark, and for those who hear it."""

import json
from typing import Any

import pytest

from tests.integration.browser.page import Demo
from tests.integration.browser.test_page import BROKEN, MAP, image
from tests.integration.server import Server

pytestmark = pytest.mark.browser

LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (360, 1200)]


NAME = """
(() => {
  const now = document.activeElement;
  const said = [now.title, now.labels?.[0]?.innerText, now.innerText, now.getAttribute("aria-label")];
  return said.filter(Boolean).join(" ");
})()
"""
# Some controls are drawn by the label around them, or by what follows them.
OUTLINED = """
(() => {
  const now = document.activeElement;
  const drawn = [now, now.closest("label"), now.nextElementSibling].filter(Boolean);
  return drawn.some((each) => getComputedStyle(each).outlineStyle !== "none");
})()
"""


@pytest.fixture
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    scheme, width = getattr(request, "param", ("light", 1200))
    return {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "has_touch": width < 500}


def full_of_everything(tab: Any, server: Server, cells: list[bytes]) -> Demo:
    """Return the page with an answer, two side by side, a refusal, an explanation and the form for a key."""
    tab.route("**/explanations/**", lambda route: route.fulfill(body=json.dumps({"explanation": MAP})))
    demo = Demo.at(tab, server.url)
    demo.drop(BROKEN, ("a name that is far too long for any phone, ".replace(" ", "_") * 4, "image/png", cells[0]))
    demo.card("broken.png")
    demo.answered_by("Side by side")
    demo.drop(image(cells, 1))
    demo.card("cell 1.png").get_by_role("button", name="Show why").first.click()
    tab.get_by_role("slider").wait_for()
    tab.get_by_text("Key and user").click()
    tab.locator(".version").first.wait_for()
    return demo


@pytest.mark.parametrize("look", LOOKS, indirect=True, ids=str)
def test_axe_finds_nothing_wrong_and_nothing_needs_scrolling_sideways(
    tab: Any, server: Server, cells: list[bytes]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab.goto(server.url)
    tab.locator("#samples button").first.wait_for()
    assert axe.run(tab).response["violations"] == []
    full_of_everything(tab, server, cells)
    assert axe.run(tab).response["violations"] == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("look", [("light", 360)], indirect=True, ids=str)
def test_on_a_phone_the_answer_to_a_tapped_sample_comes_into_sight(tab: Any, server: Server) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    demo = Demo.at(tab, server.url)
    tab.locator("#samples button").first.tap()
    answer = demo.card("cell0377.png").locator(".answer")
    expect(answer).to_be_in_viewport(ratio=1)


def brightness(tab: Any, of: str) -> float:
    colour = tab.evaluate(f"getComputedStyle(document.body).{of}")
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))) / 3


@pytest.mark.parametrize("look", [("dark", 1200)], indirect=True, ids=str)
def test_who_likes_it_dark_gets_it_dark(tab: Any, server: Server) -> None:
    Demo.at(tab, server.url)
    assert brightness(tab, "backgroundColor") < 50
    assert brightness(tab, "color") > 200
    tab.emulate_media(color_scheme="light")
    assert brightness(tab, "color") < 50
    assert brightness(tab, "backgroundColor") > 200


def test_all_of_it_can_be_done_by_keyboard_and_one_sees_where_one_is(tab: Any, server: Server) -> None:
    tab.route("**/explanations/**", lambda route: route.fulfill(body=json.dumps({"explanation": MAP})))
    demo = Demo.at(tab, server.url)
    tab.locator("#samples button").first.wait_for()
    reached: list[str] = []

    def tab_to(name: str) -> None:
        for _ in range(40):
            tab.keyboard.press("Tab")
            reached.append(tab.evaluate(NAME))
            assert tab.evaluate(OUTLINED), reached[-1]
            if name in reached[-1]:
                return
        raise AssertionError(reached)

    tab_to("Choose images")
    tab_to("Take a photo")
    tab_to("with a crack")
    tab_to("Split")
    tab.keyboard.press("ArrowRight")  # 1.0
    tab.keyboard.press("ArrowRight")  # 2.0
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Shift+Tab")  # the source's link, the last sample
    tab.keyboard.press("Enter")
    [(version, _, _)] = demo.answers("cell1101.png")
    assert version == "2.0"
    tab_to("Show why")
    tab.keyboard.press("Space")
    tab.get_by_role("slider").wait_for()
    tab.keyboard.press("Shift+Tab")
    before = tab.get_by_role("slider").input_value()
    tab.keyboard.press("ArrowLeft")
    assert int(tab.get_by_role("slider").input_value()) == int(before) - 1


def test_an_answer_is_said_to_those_who_do_not_see_it(tab: Any, server: Server, cells: list[bytes]) -> None:
    demo = Demo.at(tab, server.url)
    demo.answered_by("1.0")
    demo.drop(image(cells, 0))
    [(_, first, [(_, probability), *_])] = demo.answers("cell 0.png")
    said = f"cell 0.png: {first}, {probability}, by version 1.0."
    tab.get_by_role("status").get_by_text(said).wait_for(state="attached")
