"""The decode lab in a real browser over the real service."""

import json
import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.test_accessibility import AXE, FAULTS

pytestmark = pytest.mark.browser


def png_of(page: Page, role: str) -> str:
    """The PNG that stands in one of the bench's pictures."""
    return (
        page.locator(f'#lab-bench [data-lab="{role}"]')
        .get_attribute("src")
        .removeprefix("data:image/png;base64,")
    )


def test_an_edited_code_is_decoded_at_once_and_the_link_keeps_it(page: Page, api: httpx.Client) -> None:
    dataset = api.get("/v1/datasets").json()["items"][0]
    name = dataset["name"]
    codes = api.get(f"/v1/samples/{name}/test/1").json()["codes"]
    cells = api.get(f"/v1/samples/{name}/test/1/cells").json()["items"]
    columns = len(codes[0])
    second = cells[columns + 2]["second"]

    page.goto(f"/lab?point={name}/test/1")
    page.wait_for_selector("#lab-grid button")
    cell = page.locator("#lab-grid button").nth(columns + 2)
    expect(cell).to_have_text(str(codes[1][2]))
    expect(page.locator("#lab-bench")).to_contain_text("no cell edited yet")
    expect(page.locator("#lab-bench .lab-badge")).to_have_count(0)  # nothing synthetic: the reconstruction
    cell.click()
    expect(page.locator("#lab-about")).to_contain_text(f"code {codes[1][2]}")
    page.locator("#lab-second").click()
    expect(cell).to_have_text(str(second))
    expect(page.locator("#lab-bench")).to_contain_text(f"1 of {len(cells)} cells edited")
    edited = [list(row) for row in codes]
    edited[1][2] = second
    body = {"codes": [codes, edited], "channels": dataset["n_channels"], "difference": True}
    before, after = api.post("/v1/decode", json=body).json()["items"]
    assert png_of(page, "before") == before["image"]
    assert png_of(page, "after") == after["image"]
    assert png_of(page, "difference") == after["difference"]
    expect(page.locator("#lab-bench")).to_contain_text("synthetic, not a patient")

    page.wait_for_url(re.compile(rf"edits=1\.2\.{second}"))
    page.reload()
    page.wait_for_selector("#lab-grid button.edited")
    expect(page.locator("#lab-grid button").nth(columns + 2)).to_have_text(str(second))
    page.locator("#lab-reset").click()
    expect(page.locator("#lab-bench")).to_contain_text("no cell edited yet")


def _palette(page: Page) -> Locator:
    """The tiles of the palette, once they can be seen."""
    page.wait_for_function(
        "() => { const list = document.getElementById('lab-palette'); "
        "return list && list.children.length && +list.dataset.pages * 256 >= list.children.length; }"
    )
    return page.locator("#lab-palette [role=option]")


def _expect_in_sight(page: Page, code: int) -> None:
    """The tile is marked, alone, and the palette is scrolled to it."""
    marked = page.locator('#lab-palette [aria-selected="true"]')
    expect(marked).to_have_count(1)
    expect(marked).to_have_accessible_name(f"code {code}")
    expect(marked).to_be_in_viewport(ratio=1)


def test_a_click_in_the_palette_gives_the_cell_that_code(page: Page, api: httpx.Client) -> None:
    dataset = api.get("/v1/datasets").json()["items"][0]
    name = dataset["name"]
    codes = api.get(f"/v1/samples/{name}/test/1").json()["codes"]
    ranked = [line["code"] for line in api.get("/v1/codebook?sort=rank&limit=4096").json()["items"]]
    columns = len(codes[0])

    page.goto(f"/lab?point={name}/test/1")
    tiles = _palette(page)
    assert [int(code) for code in tiles.evaluate_all("(all) => all.map((one) => one.dataset.code)")] == ranked
    look = page.locator("#lab-palette [data-code='17']").evaluate(
        "(e) => { const s = getComputedStyle(e); return [s.backgroundImage, s.width, s.backgroundPosition]; }"
    )
    address = re.search(r'url\("([^"]+)"\)', look[0])
    assert page.request.get(address[1]).body() == api.get("/v1/codebook/atlas/0").content
    assert look[1:] == ["28px", "-28px -28px"]  # second in the second row, pixel by pixel
    cells = page.locator("#lab-grid button")
    expect(cells.first).to_have_text(str(codes[0][0]))
    _expect_in_sight(page, codes[0][0])

    below = page.locator("#lab-walk").bounding_box()
    edited = [list(row) for row in codes]
    other = next(code for code in ranked if code not in {c for row in codes for c in row})
    for place in (columns + 2, 0):  # two cells get the same code
        row, column = divmod(place, columns)
        cells.nth(place).click()
        _expect_in_sight(page, codes[row][column])
        expect(cells.nth(place)).to_have_attribute("aria-pressed", "true")
        expect(cells.nth(place)).to_be_focused()
        page.get_by_role("option", name=f"code {other}", exact=True).click()
        edited[row][column] = other
        expect(cells.nth(place)).to_have_text(str(other))
        _expect_in_sight(page, other)
    expect(page.locator("#lab-bench")).to_contain_text(f"2 of {cells.count()} cells edited")
    body = {"codes": [codes, edited], "channels": dataset["n_channels"], "difference": True}
    after = api.post("/v1/decode", json=body).json()["items"][1]
    assert png_of(page, "after") == after["image"]
    assert png_of(page, "difference") == after["difference"]
    expect(page.locator("#lab-bench .lab-badge")).to_have_text("synthetic, not a patient")
    assert page.locator("#lab-walk").bounding_box() == below  # nothing has moved
    page.wait_for_url(re.compile(rf"edits=0\.0\.{other},1\.2\.{other}"))


def test_a_click_on_a_code_right_after_one_on_a_cell_is_of_that_cell(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    codes = api.get(f"/v1/samples/{name}/test/1").json()["codes"]
    page.goto(f"/lab?point={name}/test/1")
    other = int(_palette(page).last.get_attribute("data-code"))
    cells = page.locator("#lab-grid button")
    expect(cells.first).to_have_text(str(codes[0][0]))
    page.evaluate(
        """(code) => {
          document.querySelectorAll("#lab-grid button")[3].click();
          document.querySelector(`#lab-palette [data-code="${code}"]`).click();
        }""",
        other,
    )
    expect(cells.nth(3)).to_have_text(str(other))
    expect(cells.first).to_have_text(str(codes[0][0]))


def test_a_code_typed_or_stepped_is_given_without_a_key_more(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    own = api.get(f"/v1/samples/{name}/test/1").json()["codes"][1][2]
    page.goto(f"/lab?point={name}/test/1&cell=1.2")
    cell = page.locator('[data-lab-cell="1,2"]')
    field = page.get_by_label("Code of the cell")
    expect(field).to_have_value(str(own))

    typed = 5 if own != 5 else 6
    field.fill(str(typed))
    expect(cell).to_have_text(str(typed))
    field.press("ArrowUp")
    expect(cell).to_have_text(str(typed + 1))
    page.locator(".lab-give button").first.click()  # the arrow up
    expect(cell).to_have_text(str(typed + 2))
    field.fill(str(own))
    page.locator('[data-lab-cell="0,0"]').click()  # the code is for the cell in hand while it was typed
    expect(cell).to_have_text(str(own))
    expect(page.locator("#lab-bench")).to_contain_text("no cell edited yet")


def test_what_the_page_writes_in_the_field_is_no_edit(page: Page, api: httpx.Client) -> None:
    """It came back as if typed, late, and took back what was chosen meanwhile."""
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    codes = api.get(f"/v1/samples/{name}/test/1").json()["codes"]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.goto(f"/lab?point={name}/test/1")
    field = page.get_by_label("Code of the cell")
    for row, column in ((1, 2), (0, 0), (3, 3)):
        page.locator(f'[data-lab-cell="{row},{column}"]').click()
        expect(page.locator(f'[data-lab-cell="{row},{column}"]')).to_have_attribute("aria-pressed", "true")
        expect(field).to_have_value(str(codes[row][column]))
    page.locator("#lab-second").click()
    expect(page.locator("#lab-bench")).to_contain_text("1 of 49 cells edited")

    changes = [json.loads(body)["changedPropIds"] for body in asked if '"changedPropIds"' in body]
    assert ["lab-view.data"] in changes
    assert [ids for ids in changes if any("lab-code" in one for one in ids)] == []


def test_choices_made_while_the_service_is_slow_are_all_kept(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    page.goto(f"/lab?point={name}/test/1")
    other = int(_palette(page).last.get_attribute("data-code"))
    held: list[Route] = []
    page.route("**/_dash-update-component", lambda route: held.append(route))
    for row, column in ((1, 2), (0, 0), (3, 3)):
        page.locator(f'[data-lab-cell="{row},{column}"]').click()
        expect(page.get_by_label("Code of the cell")).to_have_value(
            page.locator(f'[data-lab-cell="{row},{column}"]').inner_text()
        )
        _palette(page).last.click()
    page.unroute("**/_dash-update-component")
    for route in held:
        route.continue_()
    expect(page.locator("#lab-bench")).to_contain_text("3 of 49 cells edited")
    page.wait_for_url(re.compile(rf"edits=0\.0\.{other},1\.2\.{other},3\.3\.{other}"))


def test_a_link_keeps_the_cell_in_hand(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    codes = api.get(f"/v1/samples/{name}/test/1").json()["codes"]
    page.goto(f"/lab?point={name}/test/1")
    cell = f'[data-lab-cell="2,{len(codes[0]) - 1}"]'
    page.locator(cell).click()
    page.wait_for_url(re.compile(rf"/lab\?point={name}/test/1&cell=2\.{len(codes[0]) - 1}$"))
    fresh = page.context.new_page()
    fresh.goto(page.url)
    for shown in (page, fresh):
        expect(shown.locator('#lab-grid [aria-pressed="true"]')).to_have_count(1)
        expect(shown.locator(cell)).to_have_attribute("aria-pressed", "true")
        expect(shown.locator("#lab-about")).to_contain_text(f"Row 3, column {len(codes[0])}: ")
    assert fresh.url == page.url
    # An address of this page with another cell, and back.
    fresh.evaluate(
        """(link) => { history.pushState(null, '', link); window.dispatchEvent(new PopStateEvent('popstate')); }""",
        f"/lab?point={name}/test/1&cell=1.0",
    )
    expect(fresh.locator('[data-lab-cell="1,0"]')).to_have_attribute("aria-pressed", "true")
    fresh.go_back()
    expect(fresh.locator(cell)).to_have_attribute("aria-pressed", "true")
    assert fresh.url == page.url
    fresh.go_forward()
    expect(fresh.locator('[data-lab-cell="1,0"]')).to_have_attribute("aria-pressed", "true")


def test_a_cell_that_the_grid_does_not_have_is_its_nearest(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    codes = api.get(f"/v1/samples/{name}/test/1").json()["codes"]
    corner = f"{len(codes) - 1},{len(codes[0]) - 1}"
    page.goto(f"/lab?point={name}/test/1&cell=200.200")
    cell = page.locator(f'[data-lab-cell="{corner}"]')
    expect(cell).to_have_attribute("aria-pressed", "true")
    page.wait_for_url(re.compile(f"cell={corner.replace(',', '.')}$"))
    other = next(code for code in range(64) if code not in {c for row in codes for c in row})
    page.locator(f'#lab-palette [data-code="{other}"]').click()
    expect(cell).to_have_text(str(other))


def test_the_palette_is_one_stop_and_arrows_move_in_it(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    codes = api.get(f"/v1/samples/{name}/test/1").json()["codes"]
    page.goto(f"/lab?point={name}/test/1")
    tiles = _palette(page)
    _expect_in_sight(page, codes[0][0])
    expect(page.locator('#lab-palette [tabindex="0"]')).to_have_count(1)
    names = tiles.evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")
    row = tiles.evaluate_all("(all) => all.filter((one) => one.offsetTop === all[0].offsetTop).length")
    assert 1 < row < len(names)
    page.locator('#lab-palette [tabindex="0"]').focus()
    focused = "() => document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == f"code {codes[0][0]}"
    place = 0
    for key, step in (
        ("Home", 0),
        ("ArrowLeft", 0),  # there is nothing before
        ("ArrowRight", 1),
        ("ArrowDown", row),
        ("ArrowLeft", -1),
        ("ArrowUp", -row),
        ("ArrowDown", row),
    ):
        page.keyboard.press(key)
        place += step
        assert page.evaluate(focused) == names[place]
    expect(page.locator("#lab-bench")).to_contain_text("no cell edited yet")  # to move is not to choose
    for key, number in (("Enter", row), ("Space", len(names) - 1)):
        if number != place:
            page.keyboard.press("End")
        page.keyboard.press(key)
        code = names[number].removeprefix("code ")
        expect(page.locator("#lab-grid button").first).to_have_text(code)
        _expect_in_sight(page, int(code))
        assert page.evaluate(focused) == names[number]
    expect(page.locator('#lab-palette [tabindex="0"]')).to_have_count(1)
    page.keyboard.press("Tab")
    assert page.evaluate("() => !document.activeElement.closest('#lab-palette')")


def test_nothing_of_the_palette_is_fetched_before_the_lab_is_opened(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url + (request.post_data or "")))
    page.goto("/models")
    page.wait_for_selector(".models-dataset")
    assert not [one for one in asked if "atlas" in one or "lab-palette" in one or "/pictures/codebook" in one]
    page.locator("#nav-lab").click()
    _palette(page)
    assert [one for one in asked if "/pictures/codebook/prototype" in one]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_filled_lab_has_no_serious_fault(
    browser: Browser, open_page: Callable[..., Page], watched, api: httpx.Client, scheme: str
) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    page = open_page(browser, color_scheme=scheme, bypass_csp=True)
    page.goto(f"/lab?point={name}/test/0&edits=0.0.1&end={name}/test/3")
    _palette(page)
    page.wait_for_selector(".lab-step")
    page.wait_for_selector("#lab-bench .lab-badge")
    page.evaluate(AXE)
    assert page.evaluate(FAULTS) == []
    page.context.close()
    watched.check()


def test_a_walk_says_where_codes_flip(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    ends = [{"dataset": name, "split": "test", "position": i} for i in (0, 3)]
    path = api.post("/v1/decode/path", json={"start": ends[0], "end": ends[1], "steps": 4}).json()
    page.goto(f"/lab?point={name}/test/0&end={name}/test/3&steps=4")
    page.wait_for_selector(".lab-step")
    steps = page.locator(".lab-step")
    expect(steps).to_have_count(4)
    assert [int(one.get_attribute("data-flips")) for one in steps.all()] == [
        s["flips"] for s in path["steps"]
    ]
    for number, step in enumerate(path["steps"]):
        expect(steps.nth(number).locator(".lab-flip")).to_have_count(step["flips"])
        source = steps.nth(number).locator("img").get_attribute("src")
        assert source == f"data:image/png;base64,{step['image']}"
    # What has the codes of either end is its reconstruction; what lies between is nobody's.
    ends = [path["steps"][i]["codes"] for i in (0, -1)]
    for step, shown in zip(path["steps"], steps.all(), strict=True):
        expect(shown.get_by_text("synthetic, not a patient")).to_have_count(int(step["codes"] not in ends))


def test_an_image_that_does_not_exist_is_told(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    page.goto(f"/lab?point={name}/test/999999")
    page.wait_for_selector("#lab-bench .state-failed")
    expect(page.locator("#lab-bench .state-failed")).to_contain_text("999999")
