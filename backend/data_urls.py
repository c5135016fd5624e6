"""The question of ``/v1/embeddings``, whose images come as data URLs; other URLs are refused, never fetched."""

import re

from backend.problems import Problem, invalid
from backend.questions import parse
from backend.schemas_embeddings import EmbeddingRequest
from backend.uploads import Sent, from_base64

_DATA_URL = re.compile(r"data:image/(?:png|jpeg|tiff);base64,", re.IGNORECASE)


def read_question(body: bytes, most: int) -> tuple[EmbeddingRequest, list[Sent]]:
    """Read a question: it, and the files in its URLs.

    Raises:
        Problem: 413 more than ``most`` images, 422 no such question, or another URL than those of pictures.
    """
    # An image has one comma in its URL and one before the next.
    asked = parse(EmbeddingRequest, body, values=2 * most)
    urls = [asked.input] if isinstance(asked.input, str) else asked.input
    if len(urls) > most:
        raise Problem(
            413, "too-many-images", f"more than {most} images in one request; send several requests"
        )
    return asked, [_file(number, url) for number, url in enumerate(urls, 1)]


def _file(number: int, url: str) -> Sent:
    start = _DATA_URL.match(url)
    if start is None:
        detail = f"file {number}: give a URL data:image/png;base64,… (or jpeg, tiff); others are not fetched"
        raise invalid(detail)
    return Sent("", from_base64(url[start.end() :]))
