"""What routes ask for, as `Annotated` dependencies."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from backend.loading import Loaded
from backend.observation import current
from backend.service import Service
from backend.settings import Settings
from model.data.npz import Split

INT32_MAX = 2**31 - 1


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _settings(service: Annotated[Service, Depends(_service)]) -> Settings:
    return service.settings


async def _loaded(service: Annotated[Service, Depends(_service)]) -> AsyncIterator[Loaded]:
    with service.hold() as loaded:
        noted = current()
        noted.model, noted.index = loaded.model.version, loaded.index.version
        yield loaded


ServiceNow = Annotated[Service, Depends(_service)]
SettingsNow = Annotated[Settings, Depends(_settings)]
LoadedNow = Annotated[Loaded, Depends(_loaded)]
"""Model, index and images, the same from begin to end of a request; 503 until they are there."""

MapName = Annotated[str, Path(description="Name of a map of the index.", examples=["pca"])]
DatasetName = Annotated[str, Path(description="Name of a data set of the index.", examples=["breastmnist"])]
Position = Annotated[int, Path(ge=0, le=INT32_MAX, description="Place in the split's array, from 0.")]
PictureVersion = Annotated[
    str | None,
    Query(alias="v", description="Index version; if it is the current one the answer may be kept."),
]
DatasetFilter = Annotated[
    list[str], Query(alias="dataset", description="Only these data sets; repeat for several. None: all.")
]
SplitFilter = Annotated[
    list[Split], Query(alias="split", description="Only these splits; repeat for several.")
]
LabelFilter = Annotated[
    int | None,
    Query(
        ge=-INT32_MAX,
        le=INT32_MAX,
        description="Only images of this class; of a multi-label data set those that have it, among others.",
    ),
]
