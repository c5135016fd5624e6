"""``python -m tests.benchmarks.coverage``, or ``make bench-coverage``: what ellipses truly cover.

Groups are drawn from a normal distribution and fitted; new points of the same distribution, fresh ones for each fit,
show what share of it the ellipse covers (``mean``: whether it covers the true mean). By affine equivariance it does not
matter which normal distribution. Prints Markdown tables: true coverage in percent, and its Monte-Carlo standard error.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from model.latent.ellipse import fit_ellipse, squared_radius
from model.latent.overlap import overlaps
from tests.benchmarks.coverage.simulation import squared_distances

FITS = {10: 10_000, 30: 5_000, 200: 2_000, 2000: 300}
"""Groups of each size that are drawn."""
MEAN_FITS = 50_000
LEVELS = (0.5, 0.9, 0.95, 0.99)
SIGMAS = (1.0, 2.0, 3.0)
NEW_POINTS = 200

Figure = tuple[float, float]
"""Of shares in [0, 1] the mean, and its standard error."""


def true_coverage(distances: NDArray[np.float64], radius2: float) -> Figure:
    """Mean share of the (fits, new) squared distances within a radius, and its standard error."""
    return _figure((distances <= radius2).mean(axis=1))


def robust_coverage(n: int, d: int, fits: int) -> dict[float, Figure]:
    """Coverage of the robust ellipse by level, which one fit serves all: only the radius differs."""
    rng = np.random.default_rng([n, d])
    shares = np.empty((fits, len(LEVELS)))
    for number in range(fits):
        ellipse = fit_ellipse(rng.standard_normal((n, d)), kind="robust")
        assert ellipse.center is not None
        offset = rng.standard_normal((NEW_POINTS, d)) - ellipse.center
        for place, level in enumerate(LEVELS):
            reach = squared_radius("robust", n, d=d, level=level) / squared_radius("robust", n, d=d)
            shares[number, place] = ellipse.contains(ellipse.center + offset / reach**0.5).mean()
    return {level: _figure(shares[:, place]) for place, level in enumerate(LEVELS)}


def robust_below_its_bound(n: int, d: int, fits: int) -> Figure:
    """Coverage of the robust ellipse where it is not offered: by scikit-learn's estimate, at 95 %."""
    from scipy import stats
    from sklearn.covariance import MinCovDet

    rng = np.random.default_rng([n, d])
    shares = np.empty(fits)
    for number in range(fits):
        fitted = MinCovDet(random_state=0).fit(rng.standard_normal((n, d)))
        distances = fitted.mahalanobis(rng.standard_normal((NEW_POINTS, d)))
        shares[number] = (distances <= stats.chi2.ppf(0.95, d)).mean()
    return _figure(shares)


def overlap_rows(fits: int) -> Iterator[str]:
    """Mean distance, plain and corrected, and what its intervals cover."""
    for d in (2, 3):
        for first, second in ((10, 10), (10, 200), (30, 30), (200, 200)):
            for delta in (0.0, 1.0):
                rng = np.random.default_rng([d, first, second, int(delta)])
                truth = delta**2 / 8
                plain, corrected, covered = [], [], 0
                for _ in range(fits):
                    parts = [rng.standard_normal((first, d)), rng.standard_normal((second, d))]
                    parts[1][:, 0] += delta
                    [pair] = overlaps(parts, [fit_ellipse(part) for part in parts], ["a", "b"])
                    assert pair.uncorrected is not None
                    assert pair.distance is not None
                    assert pair.interval is not None
                    plain.append(pair.uncorrected)
                    corrected.append(pair.distance)
                    covered += pair.interval[0] <= truth <= pair.interval[1]
                yield (
                    f"| {d} | {first} and {second} | {truth:.3f} | {np.mean(plain):.3f} | "
                    f"{np.mean(corrected):.3f} | {covered / fits:.1%} |"
                )


def _figure(shares: NDArray[np.float64]) -> Figure:
    return float(shares.mean()), float(shares.std(ddof=1) / len(shares) ** 0.5)


def _cell(figure: Figure) -> str:
    coverage, error = figure
    return f"{100 * coverage:.1f} ± {100 * error:.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--times", type=int, default=1, help="as many groups as usual, times this (default: %(default)s)"
    )
    times = parser.parse_args().times
    new = {(n, d): squared_distances(n, d, times * FITS[n], NEW_POINTS) for d in (2, 3) for n in FITS}
    # Of the true mean each group tells once only: there are as many of every size, enough for less than half a point.
    true = {(n, d): squared_distances(n, d, times * MEAN_FITS, 0) for d in (2, 3) for n in FITS}
    print("| kind | map | n | groups | 50 % | 90 % | 95 % | 99 % |\n|---|---|--:|--:|--:|--:|--:|--:|")
    for kind, simulated in (("prediction", new), ("mean", true), ("normal", new)):
        for (n, d), distances in simulated.items():
            cells = [
                _cell(true_coverage(distances, squared_radius(kind, n, level=level, d=d))) for level in LEVELS
            ]
            print(f"| {kind} | {d}-D | {n} | {len(distances):,} | {' | '.join(cells)} |", flush=True)
    for d in (2, 3):
        for n in (10, 30):
            cell = _cell(robust_below_its_bound(n, d, 100 * times))
            print(f"| robust | {d}-D | {n}, not offered | {100 * times} | – | – | {cell} | – |", flush=True)
        for n in (200, 2000):
            fits = (200 if n == 200 else 60) * times
            cells = [_cell(figure) for figure in robust_coverage(n, d, fits).values()]
            print(f"| robust | {d}-D | {n} | {fits} | {' | '.join(cells)} |", flush=True)
    print("\n| kind | map | n | k = 1 | k = 2 | k = 3 |\n|---|---|--:|--:|--:|--:|")
    for (n, d), distances in new.items():
        cells = [_cell(true_coverage(distances, squared_radius("sigma", n, k=k, d=d))) for k in SIGMAS]
        print(f"| sigma | {d}-D | {n} | {' | '.join(cells)} |", flush=True)
    print("\n| map | points | true distance | by the formula | corrected | interval covers |")
    print("|--:|---|--:|--:|--:|--:|")
    for row in overlap_rows(200 * times):
        print(row, flush=True)


if __name__ == "__main__":
    main()
