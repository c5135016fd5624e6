"""Load for a service: clients that ask, wait for the answer, and ask again, as many as wished for as long as wished."""

import asyncio
import ssl
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import numpy as np

from model.errors import VQScopeError

PERCENTILES = (50, 90, 95, 99, 100)
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Question:
    """A multipart body of images, ready to be sent over and over."""

    body: bytes
    content_type: str
    images: int

    @classmethod
    def of(cls, images: Sequence[bytes]) -> "Question":
        """Put the bytes of image files into one body, under names that tell nothing."""
        files = [("file", (f"{number}", image)) for number, image in enumerate(images)]
        request = httpx.Request("POST", "http://service", files=files)
        return cls(request.read(), request.headers["content-type"], len(images))


@dataclass(frozen=True)
class Load:
    """Where to ask and how hard."""

    url: str
    """What every request goes to, such as http://127.0.0.1:8000/v1/encode; nothing else is asked."""
    concurrency: int
    seconds: float
    timeout: float = 60.0
    """Seconds after which an answer is given up."""
    key: str = field(default="", repr=False)


@dataclass
class Tally:
    """What came back."""

    answers: Counter[str] = field(default_factory=Counter)
    """Requests by the status of their answer, or by why there was none."""
    images: int = 0
    """Of the requests that were answered with 200."""
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    """Seconds of each request that was answered with 200."""
    seconds: float = 0.0
    """How long it took in all."""
    model: str = ""
    index: str = ""

    @property
    def requests(self) -> int:
        """All of them, answered or not."""
        return self.answers.total()

    @property
    def failed(self) -> int:
        """Those not answered with 200."""
        return self.requests - len(self.latencies)

    def percentiles(self) -> dict[int, float]:
        """Latency in seconds by percentile; 100 is the longest."""
        if not self.latencies:
            return {}
        found = np.percentile(np.frombuffer(self.latencies), PERCENTILES)
        return dict(zip(PERCENTILES, found.tolist(), strict=True))


async def run(load: Load, questions: Sequence[Question], tally: Tally) -> None:
    """Ask until the time is up, and note in ``tally`` what comes back; it may be read meanwhile.

    Raises:
        VQScopeError: the first question, which is not counted, is not answered with 200.
    """
    certificates = httpx.create_ssl_context(trust_env=False)
    async with _client(load, certificates) as client:
        await _greet(client, load, questions[0], tally)
    begun = time.perf_counter()

    async def one(number: int) -> None:
        async with _client(load, certificates) as client:
            while time.perf_counter() - begun < load.seconds:
                await _ask(client, load.url, questions[number % len(questions)], tally)
                tally.seconds = time.perf_counter() - begun
                number += 1

    async with asyncio.TaskGroup() as clients:
        for number in range(load.concurrency):
            clients.create_task(one(number))


def _client(load: Load, certificates: ssl.SSLContext) -> httpx.AsyncClient:
    """One connection: of a common pool each request looks at all, which with dozens costs more than the service."""
    return httpx.AsyncClient(
        headers={"Authorization": f"Bearer {load.key}"} if load.key else {},
        timeout=httpx.Timeout(load.timeout, connect=_CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=1),
        verify=certificates,
        trust_env=False,  # no proxy between
    )


async def _greet(client: httpx.AsyncClient, load: Load, question: Question, tally: Tally) -> None:
    try:
        answer = await _post(client, load.url, question)
    except httpx.HTTPError as error:
        raise VQScopeError(f"{load.url} does not answer ({_name(error)})") from error
    if answer.status_code != 200:
        raise VQScopeError(f"{load.url} answers {answer.status_code}: {_detail(answer)}")
    tally.model = answer.headers.get("X-VQScope-Model", "")
    tally.index = answer.headers.get("X-VQScope-Index", "")


async def _ask(client: httpx.AsyncClient, url: str, question: Question, tally: Tally) -> None:
    begun = time.perf_counter()
    try:
        answer = await _post(client, url, question)
    except httpx.HTTPError as error:
        tally.answers[_name(error)] += 1
        return
    tally.answers[str(answer.status_code)] += 1
    if answer.status_code == 200:
        tally.latencies.append(time.perf_counter() - begun)
        tally.images += question.images


async def _post(client: httpx.AsyncClient, url: str, question: Question) -> httpx.Response:
    return await client.post(url, content=question.body, headers={"Content-Type": question.content_type})


def _name(error: httpx.HTTPError) -> str:
    return type(error).__name__


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return "no answer of a VQScope service"
    return str(body.get("detail", "")) if isinstance(body, dict) else "no answer of a VQScope service"
