"""Answers about maps that can be fitted, and those that are being fitted."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.map_jobs import MapJob, State
from model.latent.map_settings import STABILITY_FITS, STABILITY_FITS_MAX

Fittable = Literal["pca", "umap", "tsne"]
"""Methods that a client may ask for; mean2d is made with the index, where it makes sense."""
Parameter = int | float | str
ParameterName = Annotated[str, Field(max_length=64)]


class ParameterItem(BaseModel):
    """A parameter of a method."""

    name: str = Field(examples=["n_neighbors"])
    type: Literal["int", "float", "str"] = Field(examples=["int"])
    default: Parameter = Field(examples=[15])
    choices: list[str] = Field(
        description="What it may be; empty where any value in range will do.", examples=[[]]
    )
    low: float | None = Field(None, description="Smallest number; null of a word.", examples=[2])
    high: float | None = Field(None, description="Largest number; null of a word.", examples=[500])
    help: str = Field(examples=["neighbours that an image is tied to"])


class MethodItem(BaseModel):
    """A method that maps can be fitted with."""

    name: str = Field(examples=["umap"])
    parameters: list[ParameterItem] = Field(description="All of them have defaults.")


class MapRequest(BaseModel):
    """A map to fit."""

    model_config = ConfigDict(extra="forbid")

    method: Fittable = Field(description="As /v1/maps lists them.", examples=["umap"])
    dimensions: Literal[2, 3] = Field(default=2, description="Axes of the map.", examples=[2])
    parameters: dict[ParameterName, Parameter] = Field(
        default={}, max_length=32, description="Of the method.", examples=[{"n_neighbors": 15}]
    )
    name: str | None = Field(
        default=None,
        max_length=64,
        description="Lower-case letters, digits, - and _; default: the method, with -3d of three axes.",
        examples=["umap-15"],
    )
    stability: int | None = Field(
        default=None,
        ge=0,
        le=STABILITY_FITS_MAX,
        description="Fits with other seeds that are compared afterwards: 2 or more, or 0 for none; default: "
        f"{STABILITY_FITS} where the method has a seed.",
        examples=[3],
    )


class Stability(BaseModel):
    """Procrustes disparities between fits with other seeds: 0 the same map, 1 nothing in common."""

    model_config = ConfigDict(from_attributes=True)

    fits: int = Field(description="Maps compared, each with each.", examples=[3])
    n: int = Field(description="Images that the map was fitted to.", examples=[25310])
    n_used: int = Field(description="Images that each of the fits was given.", examples=[2000])
    exact: bool = Field(description="Whether these are all of them, or a draw.", examples=[False])
    disparities: list[float] = Field(description="Of each pair.", examples=[[0.02, 0.05, 0.04]])
    mean: float = Field(examples=[0.037])
    largest: float = Field(examples=[0.05])


class Job(BaseModel):
    """A map that is being fitted, or was."""

    id: str = Field(examples=["9f86d081884c7d65"])
    state: State = Field(description="cancelling: asked to end, not ended yet.", examples=["running"])
    map: str = Field(description="Name of the map; it is there once the state is done.", examples=["umap-15"])
    method: str = Field(examples=["umap"])
    parameters: dict[str, Parameter] = Field(examples=[{"n_neighbors": 15}])
    stage: str = Field(description="What is being done.", examples=["finding neighbours"])
    progress: float = Field(description="Share of the stage that is done.", examples=[0.4])
    error: str | None = Field(description="Why it failed.", examples=[None])

    @classmethod
    def of(cls, job: MapJob) -> "Job":
        """What is told of a job."""
        return cls(
            id=job.id,
            state=job.state,
            map=job.order.name,
            method=job.order.method,
            parameters=dict(job.order.parameters),
            stage=job.stage,
            progress=job.progress,
            error=job.error,
        )


class Jobs(BaseModel):
    """The latest jobs, oldest first."""

    items: list[Job]
