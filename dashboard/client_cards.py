"""Questions about models, data sets and the service itself; each raises what ApiClient's own methods raise."""

from dashboard.answers_cards import DatasetCard, ModelCard
from dashboard.client import ApiClient


async def model_cards(client: ApiClient) -> tuple[ModelCard, ...]:
    """The models served."""
    return await client.ask("/v1/models", lambda body: tuple(ModelCard.of(item) for item in body["items"]))


async def dataset_cards(client: ApiClient) -> tuple[DatasetCard, ...]:
    """The data sets of the index, in its order."""
    return await client.ask(
        "/v1/datasets", lambda body: tuple(DatasetCard.of(i, item) for i, item in enumerate(body["items"]))
    )


async def service_version(client: ApiClient) -> str:
    """Version of the service's software."""
    return await client.ask("/", lambda body: str(body["version"]))
