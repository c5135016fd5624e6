"""Files of a selection, downloaded in a real browser: what the service says of the same selection, row by row."""

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.browser.map_places import half_of, link_to, names_of, open_map

pytestmark = pytest.mark.browser

MOST = 500
"""Rows that the service gives in one answer."""


@pytest.fixture
def asked(api: httpx.Client) -> dict[str, Any]:
    """A selection as the service takes it: of all data sets but one, and narrowed by a filter of the table."""
    polygon, datasets = half_of(api), names_of(api)[1:]
    found = api.post("/v1/selections", json={"polygon": polygon, "datasets": datasets}).json()
    limit = float(f"{found['figures']['psnr']['quartiles'][1]:.2f}")
    return {"polygon": polygon, "datasets": datasets, "where": [{"column": "psnr", "max": limit}]}


@pytest.fixture
def rows(api: httpx.Client, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """All of its images, as the service lists them."""
    found: list[dict[str, Any]] = []
    while True:
        body = asked | {"offset": len(found), "limit": MOST}
        page = api.post("/v1/selections/rows", json=body).json()
        found += page["items"]
        if len(found) == page["total"]:
            return found


@pytest.fixture
def inside(api: httpx.Client, asked: dict[str, Any]) -> NDArray[np.int64]:
    """Rows of the index that are selected."""
    return np.flatnonzero(np.load(io.BytesIO(api.post("/v1/selections/mask", json=asked).content)))


def _opened(page: Page, asked: dict[str, Any], n: int) -> None:
    on = "&".join(f"on={name}" for name in asked["datasets"])
    open_map(page, f"/?{on}&{link_to(asked['polygon'])}&where=psnr:..{asked['where'][0]['max']}")
    expect(page.locator("#selection-count")).to_contain_text(f"{n:,} of ")


def _file(page: Page, item: str, name: str) -> io.BytesIO:
    """What an item of the menu downloads, under this name."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as caught:
        page.get_by_role("link", name=item, exact=True).click()
    assert caught.value.suggested_filename == name
    return io.BytesIO(caught.value.path().read_bytes())


def _expect_same(found: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    assert len(found) == len(rows) > 100
    for one, other in zip(found, rows, strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            known = pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
            assert one[name] == known, name


def test_a_table_has_the_rows_of_the_service(
    page: Page, asked: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    _opened(page, asked, len(rows))
    parquet = pyarrow.parquet.read_table(_file(page, "Table (Parquet)", "selection.parquet"))
    _expect_same(parquet.to_pylist(), rows)
    texts = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    csv = pyarrow.csv.read_csv(_file(page, "Table (CSV)", "selection.csv"), convert_options=texts)
    _expect_same(csv.to_pylist(), rows)


def test_arrays_have_the_rows_of_the_table(
    page: Page,
    api: httpx.Client,
    asked: dict[str, Any],
    rows: list[dict[str, Any]],
    inside: NDArray[np.int64],
    tiny_index_dir: Path,
) -> None:
    assert len(inside) == len(rows)
    _opened(page, asked, len(rows))
    embeddings = np.load(_file(page, "Embeddings (npy)", "selection-embeddings.npy"), allow_pickle=False)
    np.testing.assert_array_equal(embeddings, np.load(tiny_index_dir / "embeddings.npy")[inside])
    codes = np.load(_file(page, "Codes (npy)", "selection-codes.npy"), allow_pickle=False)
    assert len(codes) == len(rows)
    for place in (0, len(rows) // 2, len(rows) - 1):
        path = "{dataset}/{split}/{position}".format(**rows[place])
        assert codes[place].tolist() == api.get(f"/v1/samples/{path}").json()["codes"]
