"""Images that lie in two splits of a data set, byte for byte: what is fitted to one has seen them in the other."""

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from itertools import combinations

from model.data.arrays import SplitArrays


def shared_images(splits: Mapping[str, SplitArrays]) -> dict[tuple[str, str], int]:
    """How many images of the second split are in the first too, for each pair of splits that share any."""
    digests = {name: Counter(_digests(split)) for name, split in splits.items()}
    found = {}
    for first, second in combinations(digests, 2):
        count = sum(n for digest, n in digests[second].items() if digest in digests[first])
        if count:
            found[first, second] = count
    return found


def _digests(split: SplitArrays) -> list[bytes]:
    return [blake2b(split.images[i].tobytes(), digest_size=16).digest() for i in range(len(split))]
