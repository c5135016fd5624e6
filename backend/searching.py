"""Whether neighbours are searched exactly or approximately."""

import logging
from dataclasses import dataclass
from typing import Literal

from backend.problems import not_found
from model.errors import VQScopeError
from model.latent.ann import ApproximateSearch, SearchUnavailable, open_search
from model.latent.index import LatentIndex

logger = logging.getLogger(__name__)
SearchKind = Literal["exact", "approximate"]
APPROXIMATE_FROM = 200_000
"""Images of an index from which approximate search is the default where there is one: below, an exact answer takes
about a twentieth of a second."""
LEAST_RECALL = 0.99
"""Of an approximate search that is the default."""


@dataclass(frozen=True)
class Searching:
    """The approximate search of an index, or why there is none."""

    approximate: ApproximateSearch | None
    reason: str
    by_default: bool

    @classmethod
    def of(cls, index: LatentIndex) -> "Searching":
        """Open that of an index; one that cannot be used is told in the log, and neighbours are searched exactly."""
        try:
            search = open_search(index)
        except VQScopeError as error:
            if not isinstance(error, SearchUnavailable):
                logger.warning("no approximate search: %s", error)
            elif index.n >= APPROXIMATE_FROM:
                logger.info("neighbours are searched exactly, among %d images: %s", index.n, error)
            return cls(None, str(error), False)
        large, recall = index.n >= APPROXIMATE_FROM, min(search.recall.values())
        if large and recall < LEAST_RECALL:
            logger.warning(
                "neighbours are searched exactly unless approximate search is asked for: it finds only %.3f of the"
                " nearest",
                recall,
            )
        return cls(search, "", large and recall >= LEAST_RECALL)

    def choose(self, asked: SearchKind | None) -> ApproximateSearch | None:
        """What to search with; None: exactly.

        Raises:
            Problem: 404, approximate search is asked for and there is none.
        """
        if asked == "exact" or (asked is None and not self.by_default):
            return None
        if self.approximate is None:
            raise not_found(self.reason)
        return self.approximate
