"""The decode lab in a real browser over the real service."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

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
    expect(page.locator("#lab-walk")).to_contain_text("synthetic, not a patient")


def test_an_image_that_does_not_exist_is_told(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    page.goto(f"/lab?point={name}/test/999999")
    page.wait_for_selector("#lab-bench .state-failed")
    expect(page.locator("#lab-bench .state-failed")).to_contain_text("999999")
