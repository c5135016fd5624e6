"""Histograms: what is asked for, and what is made of the answer."""

import httpx
import pytest

from dashboard.client_figures import BINS, histograms
from dashboard.errors import ApiUnreadable

BODY = {
    "n": 3,
    "figures": {
        "psnr": {
            "low": 20.0,
            "high": 30.0,
            "counts": [1, 0, 2],
            "summary": {"mean": 26.0, "quartiles": [22, 28, 29]},
        }
    },
}


async def test_the_choice_is_asked_for(client_of):
    asked = []

    def answer(request):
        asked.append((request.url.path, dict(request.url.params)))
        return httpx.Response(200, json=BODY)

    client = client_of(answer)
    found = await histograms(client, "set", "val", 2)
    await histograms(client, "set", None, None)
    path, bins = "/v1/samples/distributions", str(BINS)
    assert asked == [
        (path, {"dataset": "set", "bins": bins, "split": "val", "label": "2"}),
        (path, {"dataset": "set", "bins": bins}),
    ]
    assert found.n == 3
    assert found.figures["psnr"].to_browser() == {
        "low": 20.0,
        "high": 30.0,
        "counts": (1, 0, 2),
        "median": 28.0,
    }


async def test_another_answer_is_no_histogram(client_of):
    with pytest.raises(ApiUnreadable):
        await histograms(client_of(lambda _request: httpx.Response(200, json={"n": 1})), "set", None, None)
