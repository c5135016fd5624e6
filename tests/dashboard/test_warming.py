"""What the dashboard asks of the service before anybody opens a page."""

import asyncio

import httpx

from dashboard.warming import warm


async def test_nothing_is_asked_before_the_service_is_ready(client_of):
    asked: list[str] = []
    ready = False

    def answer(request):
        nonlocal ready
        asked.append(request.url.path)
        if request.url.path == "/health/ready":
            found = httpx.Response(200, json={"model": "m", "index": "i"}) if ready else httpx.Response(503)
            ready = True
            return found
        return httpx.Response(503, json={"detail": "being loaded"})

    await asyncio.wait_for(warm(client_of(answer)), timeout=30)
    assert asked[:2] == ["/health/ready", "/health/ready"]
    assert {"/v1/datasets", "/v1/columns", "/v1/maps"} == set(asked[2:])  # and what it refuses harms nobody
