"""The page of models and data in a real browser; and what pages say when the service fails."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.components.words import count

pytestmark = pytest.mark.browser


def test_the_cards_show_what_the_service_says(page: Page, api: httpx.Client) -> None:
    page.goto("/models")
    page.wait_for_selector(".models-dataset")
    (model,) = api.get("/v1/models").json()["items"]
    card = page.locator(f'[data-model="{model["name"]}"]')
    expect(card.locator('[data-fact="sha256"]')).to_have_text(model["sha256"])
    expect(card.locator('[data-fact="code_grid"]')).to_have_text(f"7 × 7 codes of {model['codebook_size']}")
    expect(card.locator('[data-fact="parameters"]')).to_have_text(count(model["card"]["parameters"]))
    expect(card).to_contain_text(model["card"]["intended_use"])
    expect(card).to_contain_text(model["card"]["limits"])
    expect(card).to_contain_text("This model has not been evaluated")
    for entry in model["card"]["datasets"]:
        row = card.locator(f'[data-learnt="{entry["name"]}"]')
        expect(row).to_contain_text(count(entry["n_train"]))
        expect(row).to_contain_text(entry["licence"])
        expect(row).to_contain_text(entry["md5"])
    items = api.get("/v1/datasets").json()["items"]
    expect(page.locator(".models-dataset")).to_have_count(len(items))
    for item in items:
        shown = page.locator(f'[data-dataset="{item["name"]}"].models-dataset')
        expect(shown).to_contain_text(item["title"])
        for fact, value in (
            ("modality", item["modality"]),
            ("licence", item["licence"]),
            ("md5", item["md5"]),
        ):
            expect(shown.locator(f'[data-fact="{fact}"]')).to_have_text(value)
        expect(shown.locator('[data-fact="provenance"]')).to_contain_text(item["note"])
        expect(shown.get_by_text("pictures available")).to_be_visible()
        for key, counts in (("indexed", item["n_indexed"]), ("file", item["n_samples"])):
            cells = shown.locator(f'[data-count="{key}"] td').all_inner_texts()
            assert cells == [count(counts[split]) for split in ("train", "val", "test")]
        for label in item["labels"]:
            cells = shown.locator(f'[data-label="{label}"] td').all_inner_texts()
            assert cells == [count(item["class_counts"][s].get(label, 0)) for s in ("train", "val", "test")]
    service = page.locator(".models-service")
    expect(service.locator('[data-fact="state"]')).to_have_text("ready")
    expect(service.locator('[data-fact="service"]')).to_have_text(f"VQScope {api.get('/').json()['version']}")
    ready = api.get("/health/ready").json()
    expect(service.locator('[data-fact="model"]')).to_have_text(ready["model"])
    expect(service.locator('[data-fact="index"]')).to_have_text(ready["index"])
    # Everything that scrolls by itself can be reached by key.
    assert page.evaluate(
        "() => [...document.querySelectorAll('.models-scroll')].every((e) => e.tabIndex === 0)"
    )


class _Failing(BaseHTTPRequestHandler):
    """A service that says it is ready and then cannot answer."""

    def do_GET(self) -> None:
        ready = self.path == "/health/ready"
        body = {"model": "m@1", "index": "abc"} if ready else {"detail": "the index is being copied"}
        content = json.dumps(body).encode()
        self.send_response(200 if ready else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def failing_dashboard(start_dashboard) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Failing) as server:
        Thread(target=server.serve_forever).start()
        try:
            with start_dashboard(f"http://127.0.0.1:{server.server_address[1]}") as url:
                yield url
        finally:
            server.shutdown()


def test_pages_tell_why_they_cannot_be_shown(browser: Browser, open_page, watched, failing_dashboard) -> None:
    page = open_page(browser)
    for path, place in (("/codebook?code=3", "#codebook-state"), ("/models", "#models-cards")):
        page.goto(failing_dashboard + path)
        page.wait_for_selector(f"{place} .state-failed")
        expect(page.locator(place).get_by_role("alert")).to_contain_text("The index is being copied.")
    expect(page.locator('[data-fact="service"]')).to_contain_text("version not known")
    page.context.close()
    watched.check()
