"""The reconstructions page in a real browser over the real service."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from dashboard.pages.reconstructions import PAGE_SIZE

pytestmark = pytest.mark.browser


def _asked(api: httpx.Client, **params) -> tuple[list[str], int]:
    found = api.get("/v1/samples", params={"limit": PAGE_SIZE, **params}).json()
    return [f"{i['dataset']}/{i['split']}/{i['position']}" for i in found["items"]], found["total"]


def _expect_cards(page: Page, points: list[str]) -> None:
    page.wait_for_function(
        "(points) => JSON.stringify([...document.querySelectorAll('.card')].map((c) => c.dataset.point)) "
        "=== JSON.stringify(points)",
        arg=points,
    )


def _choose(page: Page, field: str, option: str) -> None:
    page.locator(field).click()
    page.get_by_role("option", name=option, exact=True).click()


def _datasets(api: httpx.Client) -> list[dict]:
    return api.get("/v1/datasets").json()["items"]


def test_the_worst_come_first_and_pages_follow_the_keyboard(page: Page, api: httpx.Client) -> None:
    page.goto("/reconstructions")
    dataset = _datasets(api)[0]["name"]
    worst = {"dataset": dataset, "split": "test", "sort": "psnr", "order": "asc"}
    points, total = _asked(api, **worst)
    pages = -(-total // PAGE_SIZE)
    assert pages > 2, "the sample is too small for this test"
    _expect_cards(page, points)
    expect(page.locator("#recon-total")).to_have_text(f"{total:,} images")
    expect(page.locator("#recon-place")).to_have_text(f"Page 1 of {pages}")
    expect(page.get_by_role("button", name="Previous page")).to_be_disabled()
    moves = (
        ("ArrowRight", 2),
        ("PageDown", 3),
        ("ArrowLeft", 2),
        ("End", pages),
        ("PageUp", pages - 1),
        ("Home", 1),
    )
    for key, number in moves:
        page.keyboard.press(key)
        _expect_cards(page, _asked(api, **worst, offset=(number - 1) * PAGE_SIZE)[0])
        expect(page.locator("#recon-place")).to_have_text(f"Page {number} of {pages}")
    page.get_by_role("button", name="Next page").click()
    _expect_cards(page, _asked(api, **worst, offset=PAGE_SIZE)[0])
    page.wait_for_url(re.compile(r"page=2"))


def test_cards_show_pictures_and_figures_of_the_service(page: Page, api: httpx.Client) -> None:
    page.goto("/reconstructions")
    page.wait_for_selector(".card")
    for card in page.locator(".card").all()[:4]:
        path = card.get_attribute("data-point")
        sample = api.get(f"/v1/samples/{path}").json()
        expect(card).to_contain_text(sample["label_name"])
        expect(card.locator('[data-figure="psnr"]')).to_have_text(f"{sample['psnr']:.2f} dB")
        expect(card.locator('[data-figure="ssim"]')).to_have_text(f"SSIM {sample['ssim']:.3f}")
        expect(card.locator('[data-figure="mae"]')).to_have_text(f"MAE {100 * sample['mae']:.2f} %")
        for view in ("image", "reconstruction", "error"):
            img = card.locator(f'img[data-view="{view}"]')
            page.wait_for_function("(img) => img.complete && img.naturalWidth > 0", arg=img.element_handle())
            shown = page.request.get(img.get_attribute("src") or "").body()
            assert shown == api.get(f"/v1/samples/{path}/{view}").content


def test_filters_and_order(page: Page, api: httpx.Client) -> None:
    page.goto("/reconstructions")
    page.wait_for_selector(".card")
    several = next(item for item in _datasets(api) if len(item["labels"]) > 1)
    name = several["name"]
    page.locator("#recon-dataset").click()
    page.get_by_role("option", name=re.compile(rf"^{name} ")).click()
    _expect_cards(page, _asked(api, dataset=name, split="test", sort="psnr", order="asc")[0])
    page.locator("#recon-split").get_by_text("training").click()
    _expect_cards(page, _asked(api, dataset=name, split="train", sort="psnr", order="asc")[0])
    _choose(page, "#recon-sort", "SSIM, best first")
    _expect_cards(page, _asked(api, dataset=name, split="train", sort="ssim", order="desc")[0])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("#recon-place")).to_contain_text("Page 2")
    key, label = next(iter(several["labels"].items()))
    _choose(page, "#recon-label", label)
    points, total = _asked(api, dataset=name, split="train", label=key, sort="ssim", order="desc")
    _expect_cards(page, points)  # another filter starts at its first page
    expect(page.locator("#recon-total")).to_have_text(f"{total:,} images")
    page.wait_for_url(re.compile("label="))
    page.reload()
    _expect_cards(page, points)


def test_a_page_beyond_the_last_becomes_the_last(page: Page, api: httpx.Client) -> None:
    name = _datasets(api)[1]["name"]
    _, total = _asked(api, dataset=name)
    pages = -(-total // PAGE_SIZE)
    page.goto(f"/reconstructions?dataset={name}&split=all&page=9999&sort=position-asc")
    expect(page.locator("#recon-place")).to_have_text(f"Page {pages} of {pages}")
    page.wait_for_url(re.compile(rf"page={pages}$"))
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()


def test_a_card_leads_to_its_point_on_the_map_and_back(page: Page, api: httpx.Client) -> None:
    name = _datasets(api)[1]["name"]
    page.goto(f"/reconstructions?dataset={name}")
    card = page.locator(".card").first
    path = card.get_attribute("data-point")
    card.locator(".card-place").click()
    expect(page.locator(f'.inspector-body[data-point="{path}"]')).to_be_visible()
    expect(page.locator("#page-reconstructions")).to_be_hidden()
    page.go_back()
    expect(page.locator("#page-map")).to_be_hidden()
    expect(page.locator(f'.card[data-point="{path}"]')).to_be_visible()
