"""The question how figures are distributed; it raises what ApiClient's own methods raise."""

from dashboard.answers_figures import Histograms
from dashboard.client import ApiClient

BINS = 48


async def histograms(client: ApiClient, dataset: str, split: str | None, label: int | None) -> Histograms:
    """Of one data set's images, of one split or all, with one label or any."""
    params: dict[str, str | list[str]] = {"dataset": dataset, "bins": str(BINS)}
    params |= {} if split is None else {"split": split}
    params |= {} if label is None else {"label": str(label)}
    return await client.ask("/v1/samples/distributions", Histograms.of, params)
