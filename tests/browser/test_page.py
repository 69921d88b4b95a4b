from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page

OpenPage = Callable[..., Page]
WIDTHS = [420, 800, 1280]
SCHEMES = ["light", "dark"]
LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, level AA, for text of the usual size."""

CONTRASTS = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const paper = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const poor = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest('.hops') || element.matches('.inside, script, title, option')) continue;
    const style = getComputedStyle(element);
    const ink = element.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(rgb(ink)), light(paper(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    const name = `${element.tagName}.${element.className.baseVal ?? element.className}`;
    if (contrast < LEAST) poor.add(`${name} ${contrast}`);
  }
  return [...poor];
}
""".replace("LEAST", str(LEAST_CONTRAST))


def shown(page: Page) -> int:
    return int(page.locator(".claim:visible").count())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_all_is_legible(
    open_page: OpenPage, request: pytest.FixtureRequest, width: int, scheme: str
) -> None:
    page = open_page(width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    form = "document.querySelector('form.filter')"
    assert page.evaluate(f"{form}.scrollWidth <= {form}.clientWidth"), "no control sticks out of the filter"
    assert page.evaluate(CONTRASTS) == []
    name = request.node.callspec.params["address"]
    directory: Path = request.config.getoption("--screenshots")
    page.screenshot(path=directory / f"{name}-{width}-{scheme}.png", full_page=True)
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width, "with everything unfolded"


def test_the_filter_shows_what_is_asked_for(open_page: OpenPage) -> None:
    page = open_page()
    everything = shown(page)
    assert f"{everything} of {everything} claims" in page.locator("output").inner_text()
    page.get_by_label("Text").fill("mmap.once")
    assert 0 < shown(page) < everything
    assert page.locator("[id='mmap.once']").is_visible()
    assert page.locator("section.topic:visible").count() < page.locator("section.topic").count()
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function(f"document.querySelectorAll('.claim:not([hidden])').length === {everything}")
    page.locator("select[name=topic]").select_option("mapping")
    assert page.locator("section.topic:visible").count() == 1
    page.locator("nav a", has_text="The protocol").click()
    assert page.locator("#topic-protocol").is_visible(), "a link to what is filtered out shows it"
    page.locator("#show-confirmed").uncheck()
    assert 0 < shown(page) < everything
    assert page.locator(".claim[data-verdicts=confirmed]:visible").count() == 0


def test_it_is_read_and_filtered_without_scripts(open_page: OpenPage) -> None:
    page = open_page(scripts=False)
    everything = shown(page)
    assert everything == page.locator(".claim").count() > 0
    assert not page.get_by_label("Text").is_visible()
    page.locator("#show-confirmed").uncheck()
    assert page.locator(".claim[data-verdicts=confirmed]:visible").count() == 0
    assert 0 < shown(page) < everything


def test_it_is_used_with_the_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the claims"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.filter') !== null")
    page.keyboard.press("Space")
    assert shown(page) < page.locator(".claim").count()
    page.keyboard.press("Space")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() > 0


def test_a_link_leads_to_code_that_claims_share(open_page: OpenPage) -> None:
    page = open_page(scripts=False)
    link = page.locator("details a[href^='#code-']").first
    link.locator("xpath=ancestor::details").locator("summary").focus()
    page.keyboard.press("Enter")
    link.focus()
    page.keyboard.press("Enter")
    name = (link.get_attribute("href") or "").removeprefix("#")
    assert page.locator(f"[id='{name}']").is_visible(), "which unfolds where it is"


def test_a_screen_reader_has_headings_and_names(open_page: OpenPage) -> None:
    page = open_page()
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((e) => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.locator("svg").count() == page.get_by_role("img").count() > 0
    for picture in page.locator("svg").all():
        assert len(picture.locator("title").first.text_content() or "") > 20
    controls = "[...document.querySelectorAll('input,select,button')]"
    assert page.evaluate(f"{controls}.filter((e) => !e.labels?.length && !e.textContent)") == []


def test_it_prints_light_without_the_filter(open_page: OpenPage, request: pytest.FixtureRequest) -> None:
    page = open_page(scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 32, 36)"
    assert not page.locator(".filter").is_visible()
    directory: Path = request.config.getoption("--screenshots")
    page.pdf(path=directory / f"{request.node.callspec.params['address']}.pdf")
