"""Fitting maps: which methods the service offers, and the jobs that fit them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from dashboard.answers import Json
from dashboard.client import ApiClient

Value = int | float | str


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a method."""

    name: str
    type: str
    """int, float or str."""
    default: Value
    choices: tuple[str, ...]
    help: str
    low: float | None
    high: float | None

    @classmethod
    def of(cls, item: Json) -> "Parameter":
        """From a parameter of a method of /v1/maps."""
        return cls(
            name=str(item["name"]),
            type=str(item["type"]),
            default=item["default"],
            choices=tuple(str(choice) for choice in item["choices"]),
            help=str(item["help"]),
            low=item["low"],
            high=item["high"],
        )


@dataclass(frozen=True)
class Method:
    """A method that maps can be fitted with."""

    name: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A map that is being fitted, or was."""

    id: str
    state: str
    """running, cancelling, cancelled, done or failed."""
    map: str
    stage: str
    progress: float
    """Of the stage, in [0, 1]."""
    error: str | None

    @property
    def busy(self) -> bool:
        """Whether it has not ended."""
        return self.state in {"running", "cancelling"}

    @classmethod
    def of(cls, item: Json) -> "Job":
        """From a job of /v1/jobs."""
        return cls(
            id=str(item["id"]),
            state=str(item["state"]),
            map=str(item["map"]),
            stage=str(item["stage"]),
            progress=float(item["progress"]),
            error=item["error"],
        )


async def methods(client: ApiClient) -> tuple[Method, ...]:
    """What maps can be fitted with; nothing where the service fits none."""
    return await client.ask(
        "/v1/maps",
        lambda body: tuple(
            Method(str(item["name"]), tuple(map(Parameter.of, item["parameters"])))
            for item in body["methods"]
        ),
    )


async def fit(
    client: ApiClient, method: str, dimensions: int, parameters: Mapping[str, Value], name: str | None
) -> Job:
    """Begin to fit a map."""
    body = {"method": method, "dimensions": dimensions, "parameters": dict(parameters), "name": name}
    return await client.ask("/v1/maps", Job.of, body=body)


async def job(client: ApiClient, id: str) -> Job:
    """How far a fit has come."""
    return await client.ask(_path(id), Job.of)


async def busy_job(client: ApiClient) -> Job | None:
    """What is being fitted now."""
    found = await client.ask("/v1/jobs", lambda body: [Job.of(item) for item in body["items"]])
    return next((one for one in found if one.busy), None)


async def cancel(client: ApiClient, id: str) -> Job:
    """Have a fit end."""
    return await client.ask(_path(id), Job.of, method="DELETE")


def _path(id: str) -> str:
    return f"/v1/jobs/{quote(id, safe='')}"
