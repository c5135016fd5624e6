"""Location and scatter that a minority of outliers cannot move."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import MinCovDet

Floats = NDArray[np.float64]

MIN_POINTS = 200
"""Below, the estimate covers far less than stated (52 % instead of 95 % at n = 10)."""
MAX_POINTS = 5_000
"""Above, a seeded random draw of so many: 100,000 points would take 16 s."""


def robust_location_and_scatter(points: Floats) -> tuple[Floats, Floats]:
    """Minimum covariance determinant of (n, 2) whitened points, reweighted: (2,) location and (2, 2) scatter.

    P. J. Rousseeuw, K. Van Driessen, "A fast algorithm for the minimum covariance determinant estimator",
    Technometrics 41 (1999). Seeded, so the same points in the same order give the same answer. The scatter is
    singular where the half of the points that lie closest together is.
    """
    if len(points) > MAX_POINTS:
        points = points[np.sort(np.random.default_rng(0).choice(len(points), MAX_POINTS, replace=False))]
    with warnings.catch_warnings():
        # It warns of a determinant that rounding let grow, and of a singular half: the caller checks the
        # scatter.
        warnings.simplefilter("ignore")
        try:
            fitted = MinCovDet(random_state=0).fit(points)
        except ValueError as error:
            if "covariance matrix of the support data is equal to 0" not in " ".join(str(error).split()):
                raise
            return points.mean(axis=0), np.zeros((2, 2))  # half of the points are one point
    return fitted.location_, fitted.covariance_
