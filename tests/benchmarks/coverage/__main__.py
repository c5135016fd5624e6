"""``python -m tests.benchmarks.coverage``, or ``make bench-coverage``: what ellipses truly cover.

Groups are drawn from a normal distribution and fitted; new points of the same distribution, fresh ones for each fit,
show what share of it the ellipse covers (``mean``: whether it covers the true mean). By affine equivariance it does not
matter which normal distribution. Prints Markdown tables: true coverage in percent, and its Monte-Carlo standard error.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from model.latent.ellipse import EllipseKind, fit_ellipse, squared_radius
from model.latent.overlap import overlaps

SIZES = (10, 30, 200, 2000)
LEVELS = (0.5, 0.9, 0.95, 0.99)
SIGMAS = (1.0, 2.0, 3.0)
NEW_POINTS = 500

Figure = tuple[float, float]
"""Of shares in [0, 1] the mean, and its standard error."""


def true_coverage(kind: EllipseKind, n: int, d: int, fits: int) -> dict[float, Figure]:
    """Mean share covered over ``fits`` groups of n points, and its standard error, by level (``sigma``: by k).

    One fit serves all levels: they differ in the radius only.
    """
    rng = np.random.default_rng([n, d])
    name = "k" if kind == "sigma" else "level"
    asked: list[float] = list(SIGMAS if kind == "sigma" else LEVELS)
    largest = squared_radius(kind, n, d=d, **{name: asked[-1]})
    reaches = [squared_radius(kind, n, d=d, **{name: value}) / largest for value in asked]
    shares = np.empty((fits, len(asked)))
    for number in range(fits):
        ellipse = fit_ellipse(rng.standard_normal((n, d)), kind=kind, **{name: asked[-1]})
        new = np.zeros((1, d)) if kind == "mean" else rng.standard_normal((NEW_POINTS, d))
        # A smaller ellipse holds what the largest holds of the points moved away from the centre.
        assert ellipse.center is not None
        for place, reach in enumerate(reaches):
            moved = ellipse.center + (new - ellipse.center) / np.sqrt(reach)
            shares[number, place] = ellipse.contains(moved).mean()
    errors = shares.std(axis=0, ddof=1) / fits**0.5
    return {
        value: (float(m), float(e)) for value, m, e in zip(asked, shares.mean(axis=0), errors, strict=True)
    }


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
    return float(shares.mean()), float(shares.std(ddof=1) / fits**0.5)


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


def _cell(figure: Figure) -> str:
    coverage, error = figure
    return f"{100 * coverage:.1f} ± {100 * error:.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.coverage", description=__doc__)
    parser.add_argument(
        "--fits", type=int, default=2000, help="groups fitted for each figure (default: %(default)s)"
    )
    fits = parser.parse_args().fits
    print("| kind | map | n | 50 % | 90 % | 95 % | 99 % |\n|---|---|--:|--:|--:|--:|--:|")
    for kind in ("prediction", "mean", "normal", "robust"):
        for d in (2, 3):
            for n in SIZES:
                if kind == "robust" and n < 200:
                    figure = _cell(robust_below_its_bound(n, d, fits // 10))
                    cells = ["–", "–", f"{figure} (not offered)", "–"]
                else:
                    fewer = kind == "robust" or (n == 2000 and kind != "mean")
                    found = true_coverage(kind, n, d, fits // 4 if fewer else fits)
                    cells = [_cell(found[level]) for level in LEVELS]
                print(f"| {kind} | {d}-D | {n} | {' | '.join(cells)} |", flush=True)
    print("\n| kind | map | n | k = 1 | k = 2 | k = 3 |\n|---|---|--:|--:|--:|--:|")
    for d in (2, 3):
        for n in SIZES:
            found = true_coverage("sigma", n, d, fits // 4)
            print(f"| sigma | {d}-D | {n} | {' | '.join(_cell(found[k]) for k in SIGMAS)} |", flush=True)
    print("\n| map | points | true distance | by the formula | corrected | interval covers |")
    print("|--:|---|--:|--:|--:|--:|")
    for row in overlap_rows(fits // 5):
        print(row, flush=True)


if __name__ == "__main__":
    main()
