"""The only place that knows the service's HTTP interface."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx
import pyarrow as pa

from dashboard.answers import Catalogue, Dataset, Ellipses, Health, Json, MapInfo, Points, Sample, SamplePage
from dashboard.arrow import read_points
from dashboard.errors import ApiRefused, ApiUnavailable, ApiUnreadable, succeed
from dashboard.state import Point

_ARROW = "application/vnd.apache.arrow.stream"
_HEALTH_TIMEOUT = 1.5  # seconds; a service that is slower than this to say "ready" is not of use to a reader
_UPLOAD_TIMEOUT = 90.0  # seconds; the service itself gives up sooner, and says why
KEPT_IDLE = 2.0
"""Seconds after which an unused connection is given up: before a service closes it, 5 s for uvicorn's default."""
_MAX_PICTURE = 16 * 2**20  # bytes; a native picture of a patch is a few kB
PICTURE_VIEWS = ("image", "reconstruction", "error")

T = TypeVar("T")
Params = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Picture:
    """A PNG or an array of the service, or word that the browser's copy is still good (status 304)."""

    status: int
    content: bytes
    headers: dict[str, str]
    """Those that caches need, and the type."""

    @classmethod
    def of(cls, answer: httpx.Response) -> "Picture":
        """From an answer of success."""
        kept = ("content-type", "etag", "cache-control")
        return cls(
            answer.status_code, answer.content, {k: answer.headers[k] for k in kept if k in answer.headers}
        )


class ApiClient:
    """Asynchronous client of one VQScope service.

    Belongs to the event loop that first uses it. All methods raise ApiUnavailable, ApiRefused or
    ApiUnreadable. `key` is sent where the service asks for one; `transport` is for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str = "",
        timeout: float = 35.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        # trust_env=False: a proxy meant for the internet must not see the pictures of a local service.
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=3.0),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=KEPT_IDLE),
            transport=transport,
            trust_env=False,
        )
        self._points: dict[str, tuple[str, Points]] = {}  # map -> (ETag, points): sent once per index
        self._fetching = asyncio.Lock()
        self._kept: dict[str, tuple[str, Any]] = {}  # path -> (ETag, what was read of the answer)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def health(self) -> Health:
        """Whether the service is ready, starting or away; never raises."""
        try:
            answer = await self._http.get("/health/ready", timeout=_HEALTH_TIMEOUT)
        except httpx.HTTPError:
            return Health("away")
        if answer.status_code == 503:
            return Health("starting")
        try:
            body = answer.raise_for_status().json()
            return Health("ready", str(body["model"]), str(body["index"]))
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError):
            return Health("away")

    async def catalogue(self) -> Catalogue:
        """The data sets of the index, in its order."""
        body = await self._json("/v1/datasets")
        return self._read(
            lambda: Catalogue(
                str(body["model"]),
                str(body["index"]),
                tuple(Dataset.of(i, item) for i, item in enumerate(body["items"])),
            )
        )

    async def maps(self) -> tuple[MapInfo, ...]:
        """The maps of the index."""
        body = await self._json("/v1/maps")
        return self._read(lambda: tuple(MapInfo.of(item) for item in body["items"]))

    async def points(self, name: str) -> Points:
        """All points of the map. They are asked for again only when the service's ETag has changed."""
        async with self._fetching:  # who asks meanwhile gets the same: they are megabytes
            cached = self._points.get(name)
            headers = {"Accept": _ARROW} | ({"If-None-Match": cached[0]} if cached else {})
            answer = await self._get(f"/v1/maps/{quote(name, safe='')}/points", headers=headers)
            if cached and answer.status_code == 304:
                return cached[1]
            points = self._read(lambda: read_points(answer.content))
            if etag := answer.headers.get("etag"):
                self._points[name] = (etag, points)
            return points

    async def ellipses(
        self,
        name: str,
        *,
        kind: str,
        level: float,
        sigma: float,
        group_by: str = "dataset",
        datasets: Sequence[str] = (),
    ) -> Ellipses:
        """One ellipse per group of these data sets, or of all; level in (0, 1), sigma is of kind 'sigma'."""
        params: dict[str, str | list[str]] = {"group_by": group_by, "kind": kind, "dataset": list(datasets)}
        params |= {"level": f"{level:.6g}", "k": f"{sigma:g}"}
        body = await self._json(f"/v1/maps/{quote(name, safe='')}/ellipses", params)
        return self._read(lambda: Ellipses.of(body))

    async def sample(self, point: Point) -> tuple[str, Sample]:
        """The index version and one image with its figures, codes and places on the maps."""
        body = await self._json(_sample_path(point))
        return self._read(lambda: (str(body["index"]), Sample.of(body)))

    async def samples(
        self,
        dataset: str,
        *,
        split: str | None,
        label: int | None,
        sort: str,
        order: str,
        offset: int,
        limit: int,
    ) -> SamplePage:
        """A page of one data set's images, filtered and sorted."""
        params: dict[str, str] = {"dataset": dataset, "sort": sort, "order": order}
        params |= {"offset": str(offset), "limit": str(limit)}
        params |= {} if split is None else {"split": split}
        params |= {} if label is None else {"label": str(label)}
        body = await self._json("/v1/samples", params)
        return self._read(
            lambda: SamplePage(
                str(body["index"]), int(body["total"]), tuple(Sample.of(i) for i in body["items"])
            )
        )

    async def picture(self, point: Point, view: str, *, version: str | None, etag: str | None) -> Picture:
        """The PNG of an image, its reconstruction or its error map, with the headers caches need."""
        return await self.png(f"{_sample_path(point)}/{view}", version=version, etag=etag)

    async def png(
        self, path: str, params: dict[str, str] | None = None, *, version: str | None, etag: str | None
    ) -> Picture:
        """A PNG of the service, with the headers caches need."""
        answer = await self._get(
            path,
            params=(params or {}) | ({"v": version} if version else {}),
            headers={"If-None-Match": etag} if etag else {},
        )
        if len(answer.content) > _MAX_PICTURE:
            raise ApiUnreadable(f"the picture at {path} is larger than {_MAX_PICTURE >> 20} MiB")
        return Picture.of(answer)

    async def ask(
        self,
        path: str,
        reader: Callable[[Json], T],
        params: Params | None = None,
        *,
        body: Json | None = None,
        method: str | None = None,
    ) -> T:
        """What the reader makes of the JSON answer to a method: GET, or POST where there is a body."""
        content = {} if body is None else {"json": body}
        answer = await self._send(
            method or ("POST" if content else "GET"), path, params=params or {}, **content
        )
        return self._read(lambda: reader(answer.json()))

    async def ask_once(self, path: str, reader: Callable[[Json], T]) -> T:
        """As `ask`, of few paths: asked for again only when the service's ETag has changed."""
        kept = self._kept.get(path)
        answer = await self._get(path, headers={"If-None-Match": kept[0]} if kept else {})
        if kept and answer.status_code == 304:
            return cast("T", kept[1])
        value = self._read(lambda: reader(answer.json()))
        if etag := answer.headers.get("etag"):
            self._kept[path] = (etag, value)
        return value

    async def fetch(self, path: str, *, etag: str | None = None, body: Json | None = None) -> Picture:
        """An answer of the service to pass on as it is, or word that the browser's copy is still good.

        Of POST where there is a body.
        """
        content = {} if body is None else {"json": body}
        headers = {"If-None-Match": etag} if etag else {}
        return Picture.of(await self._send("POST" if content else "GET", path, headers=headers, **content))

    @asynccontextmanager
    async def stream(self, path: str, params: Params, body: Json) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of an answer to POST, as they come."""
        try:
            async with self._http.stream("POST", path, params=params, json=body) as answer:
                await succeed(path, answer)
                yield answer.aiter_bytes()
        except httpx.TimeoutException as error:
            raise ApiUnavailable("the service takes too long to answer") from error
        except httpx.HTTPError as error:
            raise ApiUnavailable("the service does not answer") from error

    async def upload(self, path: str, body: bytes, content_type: str, params: Params) -> Json:
        """The service's JSON answer to a form with files, passed on as the browser sent it."""
        answer = await self._send(
            "POST",
            path,
            params=params,
            headers={"Content-Type": content_type},
            content=body,
            timeout=_UPLOAD_TIMEOUT,
        )
        found: Json = self._read(answer.json)
        return found

    async def _json(self, path: str, params: Params | None = None) -> dict[str, Any]:
        answer = await self._get(path, params=params or {})
        body = self._read(answer.json)
        if not isinstance(body, dict):
            raise ApiUnreadable(f"the service's answer to {path} is not an object; are both of one version?")
        return body

    async def _get(
        self, path: str, *, params: Params | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self._send("GET", path, params=params, headers=headers)

    async def _send(self, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401
        try:
            answer = await self._asked(method, path, **content)
        except httpx.TimeoutException as error:
            raise ApiUnavailable("the service takes too long to answer") from error
        except httpx.HTTPError as error:
            raise ApiUnavailable("the service does not answer") from error
        except httpx.InvalidURL as error:  # names in it that came with a reader's address, quoted
            raise ApiRefused(414, "a name in the address is too long") from error
        await succeed(path, answer)
        return answer

    async def _asked(self, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401
        try:
            return await self._http.request(method, path, **content)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if method != "GET":  # only what changes nothing may be asked twice
                raise
            # The service may close a kept connection at the moment it is used again.
            return await self._http.request(method, path, **content)

    @staticmethod
    def _read(reader: Callable[[], T]) -> T:
        try:
            return reader()
        except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
            raise ApiUnreadable(
                "the service's answer cannot be read; are dashboard and service of one version?"
            ) from error


def _sample_path(point: Point) -> str:
    return f"/v1/samples/{quote(point.dataset, safe='')}/{point.split}/{point.position}"
