"""What the map page's menu Save gives, and what saved pictures say; for tests."""

import html
import re

from playwright.sync_api import Page

MAP, PANELS = "Map,", "A panel for each data set,"
WITH_ALL = "A panel for each data set and one of all,"


def saved(page: Page, item: str) -> bytes:
    """What is downloaded when this is chosen from the menu Save."""
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as caught:
        page.get_by_role("button", name=item, exact=True).click()
    return caught.value.path().read_bytes()


def saved_svg(page: Page, what: str) -> str:
    """A picture of this as SVG."""
    return saved(page, f"{what} SVG").decode()


def texts_of(svg: str) -> list[str]:
    """All texts of a picture, without their tags."""
    found = re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", text)).strip() for text in found]


def panels_of(svg: str) -> list[tuple[float, float, str]]:
    """From the upper left to the lower right: where the title of each panel is in a picture, and what it says."""
    title = r'translate\(([\d.]+),([\d.]+)\)"><rect class="bg".*?(<text class="annotation-text".*?</text>)'
    found = re.findall(title, svg, re.DOTALL)
    return sorted((float(y), float(x), texts_of(text)[0]) for x, y, text in found)
