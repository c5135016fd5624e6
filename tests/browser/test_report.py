"""The report of `vqscope evaluate --report`, opened from the disk as its readers do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from model.commands.evaluate import main

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(
    tiny_model_dir: Path,
    sample_dir: Path,
    sample_names: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("report")
    arguments = [str(tiny_model_dir), "--data-dir", str(sample_dir), "--datasets", ",".join(sample_names[:3])]
    assert main([*arguments, "--report", str(folder)]) == 0
    return folder / "index.html"


@pytest.fixture(
    scope="module", params=[(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")], ids=str
)
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    """The report in a window of some width and colour scheme; it loads nothing but itself."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith("data:") else None)
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    yield page
    context.close()
    assert asked == [report.as_uri()]
    assert said == []


def test_it_fits_and_shows_its_pictures(page: Page) -> None:
    width = page.viewport_size["width"]
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    wide = page.evaluate(
        """(width) => [...document.querySelectorAll('body *:not(.scroll *)')]
          .filter((e) => e.getBoundingClientRect().right > width + 1).map((e) => e.outerHTML.slice(0, 80))""",
        width,
    )
    assert wide == []
    pictures = page.evaluate(
        """() => [...document.images].map((i) => ({
          alt: i.alt, loaded: i.naturalWidth > 0, zoom: i.width / i.naturalWidth,
          pixelated: getComputedStyle(i).imageRendering == 'pixelated', legend: i.className == 'legend'}))"""
    )
    assert len(pictures) > 100
    assert all(picture["alt"] and picture["loaded"] for picture in pictures)
    assert all(p["legend"] or (p["pixelated"] and p["zoom"] == int(p["zoom"])) for p in pictures)


def test_texts_stand_out_from_their_ground(page: Page) -> None:
    """Contrast of WCAG 2.1 AA: at least 4.5 to 1."""
    low = page.evaluate(
        """() => {
          const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
          const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const ground = (e) => { for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor); if (c.length == 3 || c[3] > 0) return c; }
            return [255, 255, 255]; };
          const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          return [...document.querySelectorAll('main *')]
            .filter((e) => [...e.childNodes].some((n) => n.nodeType == 3 && n.data.trim()))
            .map((e) => { const style = getComputedStyle(e);
              const ink = parse(e.closest('svg') ? style.fill : style.color);
              return [ratio(light(ink), light(ground(e))), e.textContent.slice(0, 40)]; })
            .filter(([r]) => r < 4.5); }"""
    )
    assert low == []


def test_nothing_overlaps_in_a_gallery(page: Page) -> None:
    overlaps = page.evaluate(
        """() => [...document.querySelectorAll('.gallery')].flatMap((g) => {
          const boxes = [...g.children].map((c) => c.getBoundingClientRect());
          return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
            a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)); }).length"""
    )
    assert overlaps == 0
