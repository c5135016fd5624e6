"""What the model makes of uploaded images: embeddings and codes, reconstructions, places on a map."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.batching import Job, results
from backend.bulk import chosen_form, forms, npy_response
from backend.bulk_encodings import bulky
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import ANALYSE, ENCODE, Analysed, Picture
from backend.loading import Loaded
from backend.pictures import png
from backend.schemas import (
    Encoded,
    EncodeItem,
    FailedItem,
    Reconstructed,
    ReconstructItem,
)
from backend.settings import Settings
from backend.uploads import REQUEST_BODY, Refused, Upload, decode_uploads, read_uploads
from backend.waiting import attend
from model.metrics import error_map

PROBLEMS = problems.responses(408, 413, 415, 422, 429, 503)
router = APIRouter(prefix="/v1", tags=["uploads"])
Result = TypeVar("Result")
Item = TypeVar("Item")
Made = TypeVar("Made")
Partial = Annotated[
    bool,
    Query(
        description="Of several images let bad ones fail alone, each with its problem in its place; "
        "else the first bad one fails the request."
    ),
]


@router.post(
    "/encode",
    response_model=Encoded,
    responses=forms("npy", "arrow") | PROBLEMS,
    openapi_extra=REQUEST_BODY,
)
async def encode(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    partial: Partial = False,
    form: Annotated[
        Literal["json", "npy", "arrow"] | None,
        Query(alias="format", description="Overrules the Accept header; npy and arrow take no `partial`."),
    ] = None,
    part: Annotated[
        Literal["embedding", "codes"],
        Query(description="What npy holds: (N, D) float32, or (N, H', W') uint16."),
    ] = "embedding",
) -> Any:  # noqa: ANN401 - the answer in one of its forms
    """Embedding, codes and quantisation error of each image; other sizes are first brought to the model's."""
    answer = chosen_form(request, form, ("npy", "arrow"))
    _check_partial(partial, answer)
    done = await compute(request, loaded, settings, ENCODE, partial=partial)
    if answer != "json":  # at most some hundred images: less than handing it to a thread
        return bulky(loaded.model, answer, part, done.uploads, done.results)
    items = [
        EncodeItem(
            filename=upload.filename,
            embedding=result.embedding.tolist(),
            codes=result.codes.tolist(),
            quantisation_error=result.quantisation_error,
        )
        for upload, result in zip(done.uploads, done.results, strict=True)
    ]
    return Encoded(model=loaded.model.version, items=done.merged(items))


@router.post(
    "/reconstruct",
    response_model=Reconstructed,
    responses=forms("npy") | PROBLEMS,
    openapi_extra=REQUEST_BODY,
)
async def reconstruct(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    partial: Partial = False,
    form: Annotated[
        Literal["json", "npy"] | None,
        Query(
            alias="format",
            description="Overrules the Accept header. npy holds the reconstructions alone, (N, S, S) uint8 of grey "
            "images, else (N, S, S, 3); it takes no `partial`.",
        ),
    ] = None,
) -> Any:  # noqa: ANN401 - the answer in one of its forms
    """Each image through the codes and back, its error and figures; all at the model's image size."""
    answer = chosen_form(request, form, ("npy",))
    _check_partial(partial, answer)
    done = await compute(request, loaded, settings, ANALYSE, partial=partial)
    if answer == "npy":
        pictures = [result.reconstruction for result in done.results]
        if any(picture.ndim == 3 for picture in pictures):
            pictures = [one if one.ndim == 3 else np.repeat(one[..., None], 3, axis=2) for one in pictures]
        return npy_response(np.stack(pictures), {"X-VQScope-Model": loaded.model.version})
    items = await run_in_threadpool(_pictures, done.uploads, done.results)
    return Reconstructed(model=loaded.model.version, items=done.merged(items))


def _check_partial(partial: bool, answer: str) -> None:
    if partial and answer != "json":
        raise problems.invalid(
            "partial: only JSON can hold problems beside results; npy and arrow are all or nothing"
        )


@dataclass(frozen=True)
class Done(Generic[Result]):
    """What became of the images of a request."""

    uploads: Sequence[Upload]
    """Those that could be taken, in order."""
    results: Sequence[Result]
    """Of each of these."""
    failed: Mapping[int, FailedItem]
    """The others, by place in the request."""

    def merged(self, items: Sequence[Item]) -> list[Item | FailedItem]:
        """Items of the images taken, and those that failed, in the order of the request."""
        left = iter(items)
        count = len(items) + len(self.failed)
        return [self.failed[place] if place in self.failed else next(left) for place in range(count)]


async def compute(
    request: Request,
    loaded: Loaded,
    settings: Settings,
    job: Job[Picture, Result],
    *,
    partial: bool = False,
) -> Done[Result]:
    """The images of a request, brought to the model's size, and what a job makes of them."""

    async def alone(done: Done[tuple[Result, ...]]) -> Done[Result]:
        return Done(done.uploads, [result for (result,) in done.results], done.failed)

    sizes = [loaded.model.image_size]
    return await compute_at(request, loaded, settings, job, alone, sizes=sizes, partial=partial)


async def compute_at(
    request: Request,
    loaded: Loaded,
    settings: Settings,
    job: Job[Picture, Result],
    then: Callable[[Done[tuple[Result, ...]]], Awaitable[Made]],
    *,
    sizes: Sequence[int],
    partial: bool = False,
) -> Made:
    """The images of a request, brought to each of these sizes, what a job makes of them, and what is made of that.

    ``then`` gets the results of each image in the sizes' order. It belongs to the request's work: its slots are held
    until it has ended, and it is not begun where the client has left or the time is over.
    """
    # The slot is taken before the body is read: an overloaded service reads no uploads.
    with loaded.batcher.slots() as slots:
        limits = settings.limits
        sent = await read_uploads(request, limits)
        slots.grow(len(sent) - 1)

        async def work() -> Made:
            decoders = request.app.state.decoders
            outcomes = [await decode_uploads(sent, decoders, size, partial=partial) for size in sizes]
            sent.clear()
            failed: dict[int, FailedItem] = {}
            taken: list[list[Upload]] = []
            for place, at_sizes in enumerate(zip(*outcomes, strict=True)):
                uploads = [one for one in at_sizes if isinstance(one, Upload)]
                refused = next((one for one in at_sizes if isinstance(one, Refused)), None)
                if refused is None:
                    taken.append(uploads)
                else:
                    problem = problems.described(request, refused.problem)
                    failed[place] = FailedItem(filename=refused.filename, problem=problem)
            # One size after the other: no more images wait for the model than slots are held.
            found = [
                await results(loaded.batcher, job, [uploads[at].image for uploads in taken])
                for at in range(len(sizes))
            ]
            return await then(
                Done([uploads[-1] for uploads in taken], list(zip(*found, strict=True)), failed)
            )

        return await attend(request, work(), seconds=limits.request_seconds)


def _pictures(uploads: Sequence[Upload], results: Sequence[Analysed]) -> list[ReconstructItem]:
    return [
        ReconstructItem(
            filename=upload.filename,
            image=_base64(upload.image),
            reconstruction=_base64(result.reconstruction),
            error_map=_base64(error_map(upload.image[None], result.reconstruction[None])[0]),
            psnr=result.psnr,
            ssim=result.ssim,
            mae=result.mae,
        )
        for upload, result in zip(uploads, results, strict=True)
    ]


def _base64(picture: Picture) -> str:
    return base64.b64encode(png(picture)).decode("ascii")
