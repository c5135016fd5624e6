"""What holds on every page: disclaimer, fit, themes, and life without the service or without WebGL."""

import httpx
import pytest
from dash import html
from playwright.sync_api import Browser, Page, expect

from dashboard.components.legend import warning_mark
from dashboard.pages import registry
from tests.browser.chromium import SWITCHES
from tests.browser.map_places import PLACES, frame, lonely, pixels, rows_of, wait_drawn

pytestmark = pytest.mark.browser

PAGES = ("/", "/reconstructions", "/codebook", "/place", "/lab", "/training", "/models", "/no-such-page")
CONTENT = {
    "/": "#map-graph .js-plotly-plot[data-drawn]",
    "/reconstructions": ".card",
    "/codebook": ".code-tile",
    "/place": ".drop",
    "/lab": "#lab-bench img",
    "/training": "#page-training:not([hidden])",
    "/models": ".models-dataset",
    "/no-such-page": "#page-missing:not([hidden])",
}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_what_it_is_not_for_and_fits(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(CONTENT[path])
    notice = page.get_by_text("Research use only, not for diagnosis")
    expect(notice).to_be_visible()
    expect(notice).to_be_in_viewport(ratio=1)
    width, height = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert (width, height) == (1280, 720)
    wide = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((e) => {
          const box = e.getBoundingClientRect();
          return box.width && !e.closest('.skip, svg') && (box.right > innerWidth + 1 || box.left < -1);
        }).map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert wide == []


@pytest.mark.parametrize("path", PAGES)
def test_a_tablet_need_not_be_scrolled_sideways(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(CONTENT[path])
    for width, height in ((1024, 768), (768, 1024)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("(width) => innerWidth === width", arg=width)
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        expect(page.get_by_text("Research use only, not for diagnosis")).to_be_in_viewport()


def test_the_page_follows_the_system_and_can_be_switched(browser: Browser, open_page, watched) -> None:
    page = open_page(browser, color_scheme="dark")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    page.goto("/")
    page.wait_for_selector(".legend-row")
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_function(f"(dark) => ({ground})() !== dark", arg=dark)
    light = page.evaluate(ground)
    page.reload()  # the choice is kept
    page.wait_for_selector(".legend-row")
    assert page.evaluate(ground) == light
    page.context.close()
    watched.check()


def test_help_is_opened_by_keyboard(page: Page) -> None:
    page.goto("/")
    page.wait_for_selector(".legend-row")
    for word, text in (("latent space", "each image is one point"), ("ellipse", "is expected to fall")):
        button = page.get_by_role("button", name=f"What is meant by {word}?")
        button.focus()
        page.keyboard.press("Enter")
        opened = page.get_by_role("dialog", name=f"What is meant by {word}?")
        expect(opened).to_contain_text(text)
        expect(opened).to_be_in_viewport(ratio=1)
        # It takes the focus a moment after it is seen.
        page.wait_for_function("() => document.activeElement.closest('.popover')")
        page.evaluate("dispatchEvent(new Event('resize'))")  # as the pages do for their figures
        expect(opened).to_be_visible()
        page.keyboard.press("Escape")
        expect(opened).to_be_hidden()
        expect(button).to_be_focused()


def test_a_page_is_filled_when_it_is_first_shown_and_kept(page: Page) -> None:
    """What nobody has opened costs nothing; what was chosen on a page is still there when one comes back."""
    page.goto("/")
    page.wait_for_selector(CONTENT["/"])
    filled = (
        "() => [...document.querySelectorAll('main')].filter((e) => e.children.length > 1).map((e) => e.id)"
    )
    assert page.evaluate(filled) == ["page-map"]
    switch = page.get_by_role("switch").first
    switch.click(force=True)
    expect(switch).not_to_be_checked()
    page.locator("#nav-codebook").click()
    page.wait_for_selector(CONTENT["/codebook"])
    page.locator("#nav-map").click()
    expect(switch).to_be_visible()
    expect(switch).not_to_be_checked()
    assert page.evaluate(filled) == ["page-map", "page-codebook"]


def test_a_page_opened_while_the_dashboard_is_away_fills_when_it_comes(page: Page, watched) -> None:
    watched.expected = ("Failed to load resource", "Failed to fetch", "Callback failed")
    page.goto("/")
    page.wait_for_selector(CONTENT["/"])
    away = ("**/health", "**/_dash-update-component*")
    for address in away:
        page.route(address, lambda route: route.abort())
    expect(page.locator("#banner")).to_contain_text("The dashboard itself does not answer")
    page.locator("#nav-codebook").click()
    expect(page.locator("#page-codebook")).to_be_visible()
    for address in away:
        page.unroute(address)
    page.wait_for_selector(CONTENT["/codebook"])


def test_no_component_goes_through_the_whole_page_at_each_change(page: Page) -> None:
    """As some do in the dash-renderer, Mantine's dropdowns among them: ten of them take half of the time of a click."""
    page.goto("/")
    page.wait_for_selector(CONTENT["/"])
    slow = page.evaluate(
        """() => ["dash_mantine_components", "dash_core_components"].flatMap((space) =>
          Object.entries(window[space]).filter(([, one]) => one.dashChildrenUpdate).map(([name]) => name))"""
    )
    assert "PopoverDropdown" in slow
    ours = {type(part).__name__ for one in registry.PAGES for part in one.layout()._traverse()}
    ours |= {type(part).__name__ for part in html.Div(warning_mark(["a warning"]))._traverse()}
    assert not ours & set(slow)


def test_the_service_goes_away_and_comes_back(page: Page, watched, service, api: httpx.Client) -> None:
    # Pictures asked for while the service is away fail, and the browser says so.
    watched.expected = ("503 (Service Unavailable)",)
    page.goto("/")
    page.wait_for_selector(CONTENT["/"])
    name, other = (item["name"] for item in api.get("/v1/datasets").json()["items"][:2])
    service.stop()
    try:
        banner = page.get_by_role("alert").filter(has_text="does not answer")
        expect(banner).to_be_visible()
        expect(banner).to_contain_text("vqscope serve")
        # What needs no service goes on.
        page.get_by_role("button", name=f"Show only {other}", exact=True).click()
        page.get_by_role("link", name="Reconstructions").click()
        expect(page.locator("#page-reconstructions")).to_be_visible()
        expect(banner).to_be_visible()
    finally:
        service.start()
    expect(banner).to_be_hidden()
    page.wait_for_selector(".card")  # without a reload
    page.get_by_role("link", name="Map").click()
    page.get_by_role("button", name="All", exact=True).click()
    page.evaluate(f"() => window.dash_clientside.set_props('map-selected', {{ data: '{name}/test/0' }})")
    expect(page.locator(f'.inspector-body[data-point="{name}/test/0"]')).to_be_visible()


def test_ellipses_that_were_asked_for_while_the_service_was_away_come(page: Page, watched, service) -> None:
    watched.expected = ("503 (Service Unavailable)",)
    page.goto("/")
    page.wait_for_selector(CONTENT["/"])
    note, kind = page.locator("#map-ellipse-note"), page.get_by_role("textbox", name="Kind")

    def choose(name: str) -> None:
        kind.click()
        page.get_by_role("option", name=name).click()

    service.stop()
    try:
        choose("Normal")
        expect(note).to_contain_text("could not be updated")
        choose("Prediction")  # those that are drawn
        expect(note).to_have_text("")
        choose("Normal")
        expect(note).to_contain_text("could not be updated")
        expect(page.locator("#banner")).to_be_visible()
    finally:
        service.start()
    expect(note).to_have_text("")
    page.wait_for_function("() => window.vqscopeMap.wanted.ellipses.pca.key[3] === 'normal'")


def test_what_is_shown_stays_when_the_service_was_away(page: Page, watched, service) -> None:
    """Its return is no news of the address, which may be older than what is shown."""
    watched.expected = ("503 (Service Unavailable)",)
    page.goto("/reconstructions")
    page.locator("#recon-next").click()
    expect(page.locator("#recon-place")).to_contain_text("Page 2 ")
    service.stop()
    try:
        expect(page.locator("#banner")).to_be_visible()
    finally:
        asked = "recon-grid.children@"  # the gallery is asked for again, after the view
        with page.expect_response(lambda answer: asked in (answer.request.post_data or "")):
            service.start()
    expect(page.locator("#banner")).to_be_hidden()
    page.locator("#recon-next").click()
    expect(page.locator("#recon-place")).to_contain_text("Page 3 ")


def test_a_page_opened_while_the_service_is_away_fills_when_it_comes(page: Page, service) -> None:
    service.stop()
    try:
        page.goto("/?kind=normal")
        expect(page.get_by_role("alert").filter(has_text="does not answer")).to_be_visible()
    finally:
        service.start()
    page.wait_for_selector(".legend-row")
    page.wait_for_selector(CONTENT["/"])
    expect(page.locator("#banner")).to_be_hidden()


def test_without_webgl_the_map_is_drawn_in_full(launch, open_page, watched, api: httpx.Client) -> None:
    # Chromium remarks on each refused context; that it is refused is the point here.
    watched.expected = ("WebGL",)
    datasets = {
        item["name"]: sum(item["n_indexed"].values()) for item in api.get("/v1/datasets").json()["items"]
    }
    with launch(*SWITCHES, "--disable-3d-apis") as browser:
        page = open_page(browser)
        page.goto("/")
        wait_drawn(page)
        refused = (
            "() => ['webgl', 'webgl2'].every((kind) => !document.createElement('canvas').getContext(kind))"
        )
        assert page.evaluate(refused)
        drawn = {points["dataset"]: len(rows_of(points["runs"])) for points in frame(page)["points"]}
        assert drawn == datasets
        shown = pixels(page, page.evaluate(PLACES, "#map-graph"))
        assert ((255 - shown).max(axis=-1) > 60).all()  # on the screen there is something at each place
        (point,) = lonely(page)
        page.mouse.move(point["x"], point["y"])
        expect(page.locator("#hover-card")).to_have_attribute("data-point", point["name"])
    watched.check()
