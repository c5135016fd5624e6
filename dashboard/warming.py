"""What the first page asks of the service, asked before anybody opens it."""

import asyncio
import logging

from dashboard.client import ApiClient
from dashboard.errors import ApiError
from dashboard.pages.map_loading import fetched
from dashboard.state_map import MapView

_PAUSE = 0.25  # seconds between two looks at a service that is not ready yet
logger = logging.getLogger(__name__)


async def warm(client: ApiClient) -> None:
    """Wait until the service is ready, then make the first page once: what it needs is then at hand in both."""
    while (await client.health()).state != "ready":
        await asyncio.sleep(_PAUSE)
    try:
        await fetched(client, MapView())
    except ApiError as error:  # whoever opens the page is told, and what to do
        logger.info("the first page could not be made ahead: %s", error)
