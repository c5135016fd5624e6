"""What is noted of the request in work, for the headers of its answer, its line in the log and the metrics."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass
class Observation:
    """Notes on one request; never of the content of images, of names of files, or of what a query asks."""

    request_id: str = ""
    trusted: bool = True
    """Whether the client sent a key, or none is needed."""
    images: int = 0
    """How many the model was given."""
    problem: str | None = None
    """Kind of the problem that was answered."""
    model: str | None = None
    """Version of the model that answers."""
    index: str | None = None
    """Version of the index that answers."""


_current: ContextVar[Observation] = ContextVar("vqscope-request")


def begin(given_id: str) -> Observation:
    """Begin the notes of this context's request, under the ID that the client gave if it may be one."""
    request_id = given_id if _GIVEN_ID.fullmatch(given_id) else uuid4().hex
    observation = Observation(request_id)
    _current.set(observation)  # ends with the request's task, after what the server logs of its failure
    return observation


def current() -> Observation:
    """Notes of the request in work; outside of one, notes that nobody reads."""
    return _current.get(Observation())
