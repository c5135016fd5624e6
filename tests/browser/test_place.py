"""The page for the reader's own images, in a real browser over the real service."""

import httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_what_is_shown_of_an_image_is_what_the_service_says(page: Page, api: httpx.Client) -> None:
    dataset = api.get("/v1/datasets").json()["items"][0]["name"]
    picture = api.get(f"/v1/samples/{dataset}/test/0/image").content
    files = {"file": ("scan.png", picture)}
    made = api.post("/v1/reconstruct", files=files).json()["items"][0]
    place = api.post("/v1/project", files=files, params={"k": 8}).json()["items"][0]
    verdict = api.post("/v1/outliers", files=files).json()["items"][0]["overall"]

    page.goto("/place")
    page.wait_for_selector("#place-file", state="attached")
    expect(page.locator("#place-cards")).to_contain_text("No image placed yet")
    sent = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in
            (("scan.png", picture), ("broken.png", picture[: len(picture) // 2]))]  # fmt: skip
    page.locator("#place-file").set_input_files(sent)
    page.wait_for_selector(".place-card")
    card = page.locator('.place-card[data-file="scan.png"]')
    expect(card).to_contain_text(verdict["words"][1:])
    expect(card.locator('[data-figure="psnr"]')).to_have_text(f"{made['psnr']:.2f} dB")
    share = verdict["measures"]["code_rarity"]["more_unusual_than"]
    expect(card.locator('[data-measure="code_rarity"] .value')).to_have_text(f"{100 * share:.1f} %")
    for name in place["inside"]:
        expect(card.locator('[data-role="inside"]')).to_contain_text(name)
    for view, key in (("image", "image"), ("reconstruction", "reconstruction"), ("error", "error_map")):
        source = card.locator(f'.place-picture[data-view="{view}"]').get_attribute("src")
        assert source == f"data:image/png;base64,{made[key]}"
    near = [f"/?point={n['dataset']}/{n['split']}/{n['position']}" for n in place["neighbours"]]
    assert [a.get_attribute("href") for a in card.locator(".place-neighbour").all()] == near
    expect(page.locator('.place-failed[data-file="broken.png"]')).to_be_visible()
    page.wait_for_function("document.querySelectorAll('#place-graph .textpoint').length === 1")
    star = page.evaluate(
        "(() => { const t = document.querySelector('#place-graph .js-plotly-plot').data.at(-1);"
        " return [t.x[0], t.y[0]]; })()"
    )
    assert star == pytest.approx([place["x"], place["y"]], abs=1e-4)
    card.locator(".place-neighbour").first.click()
    page.wait_for_selector(".inspector-body")
    expect(page.locator(f'.inspector-body[data-point="{near[0].partition("=")[2]}"]')).to_be_visible()


def test_too_many_files_are_told_before_they_are_sent(page: Page) -> None:
    page.goto("/place")
    many = [{"name": f"{i}.png", "mimeType": "image/png", "buffer": b"x"} for i in range(17)]
    page.locator("#place-file").set_input_files(many)
    page.wait_for_selector("#place-cards .state-failed")
    expect(page.locator("#place-cards .state-failed")).to_contain_text("at most 16 images")
