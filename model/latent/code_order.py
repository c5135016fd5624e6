"""An order of the codes in which neighbours are alike, for an atlas."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist

MAX_EXACT = 2048
"""Codes up to which leaves are ordered exactly: beyond, memory and time grow with the square of their number."""


def similarity_order(vectors: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Order of (K, D) code vectors along which the summed distance of neighbours is small: (K,) codes, a permutation.

    Leaves of the average-linkage tree, ordered so that the sum is the least that the tree allows (Z. Bar-Joseph,
    D. K. Gifford, T. S. Jaakkola 2001, Fast optimal leaf ordering for hierarchical clustering, Bioinformatics 17, S22);
    of more than `MAX_EXACT` codes, along the first principal component.
    """
    points = np.asarray(vectors, np.float64)
    if len(points) < 3:
        return np.arange(len(points))
    if len(points) > MAX_EXACT:
        centred = points - points.mean(axis=0)
        axis = np.linalg.svd(centred, full_matrices=False)[2][0]
        return np.argsort(centred @ axis, kind="stable").astype(np.int64)
    distances = pdist(points)
    leaves = optimal_leaf_ordering(linkage(distances, "average"), distances)
    return _leaves(leaves, len(points))


def _leaves(tree: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Leaves from left to right; without recursion, which a chain of a thousand codes would exceed."""
    order: list[int] = []
    stack = [2 * n - 2]
    while stack:
        node = stack.pop()
        if node < n:
            order.append(node)
        else:
            left, right = tree[node - n, :2].astype(int)
            stack += [int(right), int(left)]
    return np.array(order, np.int64)
