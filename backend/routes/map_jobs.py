"""Fitting a map on request: a job that can be watched and cancelled."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from backend import problems
from backend.dependencies import LoadedNow, SettingsNow
from backend.map_jobs import MapJobs, MapOrder, may_fit
from backend.problems import Problem, invalid
from backend.questions import question_body, short_question
from backend.schemas_maps import Job, Jobs, MapRequest
from model.latent.map_fitting import check_name, default_name
from model.latent.map_settings import fits_to_compare, parse_settings, stored
from model.latent.projection import method_class

router = APIRouter(prefix="/v1", tags=["maps"])


def _jobs(request: Request) -> MapJobs:
    found: MapJobs = request.app.state.map_jobs
    return found


JobsNow = Annotated[MapJobs, Depends(_jobs)]
JobId = Annotated[str, Path(max_length=64, description="As the answer to the request had it.")]


@router.post(
    "/maps",
    status_code=202,
    responses=problems.responses(403, 408, 409, 413, 415, 422, 429, 503),
    openapi_extra=question_body(MapRequest),
)
def fit(
    loaded: LoadedNow,
    settings: SettingsNow,
    jobs: JobsNow,
    response: Response,
    wanted: Annotated[MapRequest, Depends(short_question(MapRequest))],
) -> Job:
    """Begin to fit a map in a process of its own; it is listed and served once the job is done."""
    if not may_fit(settings):
        raise Problem(
            403, "forbidden", "this service fits no maps; whoever runs it can set VQSCOPE_MAP_JOBS=on"
        )
    if "dimensions" in wanted.parameters:
        raise invalid("parameters: dimensions stands beside them, not among them")
    kind = method_class(wanted.method).settings_type
    chosen = parse_settings(kind, wanted.method, {"dimensions": wanted.dimensions, **wanted.parameters})
    name = default_name(wanted.method, chosen.dimensions) if wanted.name is None else wanted.name
    check_name(name)
    if name in loaded.index.map_names:
        raise Problem(409, "name-taken", f"the index has a map {name} already; choose another name")
    order = MapOrder(
        index=loaded.index.path.absolute(),
        index_version=loaded.index.version,
        method=wanted.method,
        parameters=stored(chosen),
        name=name,
        stability=fits_to_compare(kind, wanted.method, wanted.stability),
    )
    job = jobs.start(order)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return Job.of(job)


@router.get("/jobs", responses=problems.responses(503))
def jobs(jobs: JobsNow) -> Jobs:
    """The maps that are being fitted, or were."""
    return Jobs(items=[Job.of(job) for job in jobs.all()])


@router.get("/jobs/{id}", responses=problems.responses(404, 422, 503))
def job(jobs: JobsNow, id: JobId) -> Job:
    """How far a fit has come."""
    return Job.of(jobs.get(id))


@router.delete("/jobs/{id}", responses=problems.responses(404, 422, 503))
def cancel(jobs: JobsNow, id: JobId) -> Job:
    """Have a fit end and leave nothing; one that has ended stays as it is."""
    return Job.of(jobs.cancel(id))
