"""No page has a serious fault of accessibility, by axe-core; all can be used by keyboard."""

from collections.abc import Callable
from pathlib import Path

import axe_playwright_python
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.pages.registry import ROUTES

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
FAULTS = """async () => (await axe.run()).violations
  .filter((v) => ["serious", "critical"].includes(v.impact))
  .flatMap((v) => v.nodes.map((n) => `${v.impact} ${v.id}: ${n.html.slice(0, 200)}`))"""
FILLED = {
    "map": "#map-graph .js-plotly-plot[data-drawn]",
    "reconstructions": "#recon-hists svg",
    "codebook": ".code-tile",
    "models": ".models-dataset",
}
"""What is seen once a page has its data; others only wait for nothing."""


def _open(page: Page, name: str, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(f"#page-{name}:not([hidden])")
    page.wait_for_selector(FILLED.get(name, f"#page-{name}"))


def _check(page: Page) -> None:
    page.evaluate(AXE)
    assert page.evaluate(FAULTS) == []


def _walk(page: Page) -> None:
    """Go through the page by Tab: every control is reached, and it is seen that it has the focus."""
    controls = page.evaluate(
        """() => {
          const all = [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex]")].filter(
            (e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true }));
          const radios = new Set();
          // One radio button of a group is reached by Tab, the others by arrow keys.
          const stops = all.filter((e) => {
            if (e.type !== "radio") return true;
            const first = !radios.has(e.name);
            radios.add(e.name);
            return first;
          });
          return stops.length;
        }"""
    )
    reached, unseen = [], []
    page.evaluate("() => { document.activeElement.blur(); window.seen = new Set(); }")
    for _ in range(controls + 20):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
              const e = document.activeElement;
              if (e === document.body || window.seen.has(e)) return null;
              window.seen.add(e);
              // What is focused, or what it is drawn as, or the box around it, shows it.
              const near = [e, e.nextElementSibling, e.parentElement, e.parentElement.parentElement].filter(Boolean);
              const drawn = near.some((n) => {
                const s = getComputedStyle(n);
                return (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none"
                  || n.matches(":focus-within") && s.borderColor !== s.color && n.matches("[class*=mantine-Input]");
              });
              return [e.outerHTML.slice(0, 120), drawn];
            }"""
        )
        if found is None:
            break
        reached.append(found[0])
        if not found[1]:
            unseen.append(found[0])
    assert unseen == []
    assert len(reached) >= controls, reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault(
    browser: Browser, open_page: Callable[..., Page], watched, scheme
) -> None:
    page = open_page(browser, color_scheme=scheme, bypass_csp=True)
    for route in ROUTES:
        _open(page, route.name, route.path)
        _check(page)
        if scheme == "light":
            _walk(page)
        # What is being computed is seen to be so, and what it says can still be read.
        page.locator(".panel").evaluate_all(
            "(all) => all.forEach((e) => e.setAttribute('aria-busy', 'true'))"
        )
        _check(page)
    page.context.close()
    watched.check()


def test_nor_has_what_opens(browser: Browser, open_page: Callable[..., Page], watched) -> None:
    # Text that fades in has too little contrast on its way.
    page = open_page(browser, bypass_csp=True, reduced_motion="reduce")
    _open(page, "reconstructions", "/reconstructions")
    page.get_by_role("button", name="Words: latent space, code, ellipse").click()
    words = page.get_by_role("dialog", name="Words:")
    expect(words).to_be_visible()
    page.wait_for_function("() => document.activeElement.closest('.popover')")
    _check(page)
    page.keyboard.press("Escape")
    expect(words).to_be_hidden()
    page.locator(".card-enlarge").first.click()
    expect(page.locator("#enlarged")).to_be_visible()
    _check(page)
    _open(page, "map", "/")
    page.get_by_role("button", name="How faithful?").click()
    expect(page.locator("#map-quality .quality")).to_be_visible()
    page.wait_for_function("() => document.activeElement.closest('.popover')")
    _check(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Fit a map").click()
    expect(page.get_by_role("dialog", name="Fit a map")).to_be_visible()
    _check(page)
    page.context.close()
    watched.check()


def test_nor_has_a_map_with_all_that_it_can_show(
    browser: Browser, open_page: Callable[..., Page], watched
) -> None:
    page = open_page(browser, bypass_csp=True)
    _open(page, "map", "/?colour=label&group=label&sel=-30,-30,30,-30,0,30")
    expect(page.locator("#selection-count")).to_contain_text(" of ")
    expect(page.locator("#map-colours")).to_be_visible()
    for tab in ("Composition", "Codes", "Images", "Table"):
        page.locator("#map-tab").get_by_text(tab, exact=True).click()
        expect(page.locator("#map-selection [aria-busy=true]")).to_have_count(0)
        _check(page)
    page.context.close()
    watched.check()


def test_nor_have_images_that_are_placed(
    browser: Browser, open_page: Callable[..., Page], watched, api: httpx.Client
) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    picture = api.get(f"/v1/samples/{name}/test/0/image").content
    for scheme in ("light", "dark"):
        page = open_page(browser, bypass_csp=True, color_scheme=scheme)
        _open(page, "place", "/place")
        page.locator("#place-file").set_input_files(
            [
                {"name": "scan.png", "mimeType": "image/png", "buffer": picture},
                {"name": "broken.png", "mimeType": "image/png", "buffer": picture[:40]},
            ]
        )
        page.wait_for_selector(".place-card")
        page.wait_for_selector("#place-graph .js-plotly-plot[data-drawn]")
        _check(page)
        page.context.close()
    watched.check()
