"""References and codecs against values that are known."""

import numpy as np
import pytest

from model.metrics import figures
from tests.benchmarks.models.codecs import available
from tests.benchmarks.models.pca import EntropyCoded, FixedRate, Principal, gaussian_distortion, lloyd_max
from tests.benchmarks.models.residual import ResidualKMeans


def test_gaussian_distortion_of_a_white_source() -> None:
    # One bit a direction: D = variance / 4 each.
    assert gaussian_distortion(np.full(10, 3.0), 10) == pytest.approx(10 * 3 / 4, rel=1e-6)


def test_gaussian_distortion_leaves_weak_directions_out() -> None:
    # Two bits go to the strong direction (8 -> 0.5); the weak one, already below 0.5, gets none.
    assert gaussian_distortion(np.array([8.0, 0.25]), 2) == pytest.approx(0.5 + 0.25, rel=1e-6)


@pytest.mark.parametrize(("levels", "error"), [(2, 0.3634), (4, 0.1175), (8, 0.03454)])
def test_lloyd_max_of_a_gaussian(levels: int, error: float) -> None:
    """Max 1960, table I."""
    values = np.sort(np.random.default_rng(0).normal(size=200_000))
    centres = lloyd_max(values, levels, steps=200)
    measured = np.square(values[:, None] - centres).min(1).mean()
    assert measured == pytest.approx(error, rel=0.02)


def gaussian(n: int, seed: int) -> np.ndarray:
    deviations = np.array([8.0, 4.0, 2.0, 1.0, 0.1])
    drawn: np.ndarray = np.random.default_rng(seed).normal(size=(n, 5)) * deviations
    return drawn


def test_entropy_coding_keeps_the_rate_and_nears_the_bound() -> None:
    train, test = gaussian(50_000, 0), gaussian(50_000, 1)
    quantiser = EntropyCoded(train, 10.0)
    assert 9.9 < quantiser.bits <= 10.0
    decoded, bits = quantiser(test)
    assert bits / len(test) == pytest.approx(10.0, abs=0.1)
    left_out = np.square(test[:, decoded.shape[1] :]).sum(1)
    error = (np.square(test[:, : decoded.shape[1]] - decoded).sum(1) + left_out).mean()
    bound = gaussian_distortion(np.square([8.0, 4.0, 2.0, 1.0, 0.1]), 10.0)
    # A uniform quantiser with entropy coding loses 1.53 dB at high rates, less at low ones.
    assert 0 < 10 * np.log10(error / bound) < 1.6


def test_fixed_rate_spends_all_bits_where_the_variance_is() -> None:
    train = gaussian(20_000, 0)
    quantiser = FixedRate(train, 10)
    assert quantiser.allocation.sum() == 10
    assert quantiser.allocation.tolist() == sorted(quantiser.allocation.tolist(), reverse=True)
    assert quantiser.allocation[4] == 0
    test = gaussian(20_000, 1)
    decoded = quantiser(test)
    assert [len(np.unique(column)) for column in decoded.T] == [2**b for b in quantiser.allocation if b]


def test_principal_components_restore_what_lies_in_them() -> None:
    rng = np.random.default_rng(0)
    images = (rng.normal(size=(200, 3)) @ rng.normal(size=(3, 40)) + 5).astype(np.float32)
    principal = Principal.fit(images)
    coefficients = principal.transform(images)
    assert np.abs(coefficients[:, 3:]).max() < 1e-3
    np.testing.assert_allclose(principal.inverse(coefficients[:, :3]), images, atol=1e-3)
    np.testing.assert_allclose(coefficients.var(0)[:3], principal.variances[:3], rtol=1e-3)


def test_residual_kmeans_improves_stage_by_stage() -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 6)).astype(np.float32)
    quantiser = ResidualKMeans(vectors, stages=3, k=16)
    errors = []
    for stages in (1, 2, 3):
        part = ResidualKMeans.__new__(ResidualKMeans)
        part.stages = quantiser.stages[:stages]
        errors.append(float(np.square(vectors - part(vectors)).mean()))
    assert errors[0] > 1.3 * errors[1] > 1.3**2 * errors[2]
    whole = quantiser(vectors)
    assert float(np.square(vectors - whole).mean()) == errors[2]


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 28, 28, 3)])
def test_codecs_give_pictures_of_the_same_shape(shape: tuple[int, ...]) -> None:
    ramp = np.add.outer(np.arange(28), np.arange(28)) * 4
    pictures = np.broadcast_to(ramp[None, ..., None] if len(shape) == 4 else ramp, shape).astype(np.uint8)
    codecs = available()
    assert {"WebP", "JPEG"} <= codecs.keys()
    for reproduce in codecs.values():
        made = reproduce(pictures)
        assert made.pictures.shape == shape
        assert 10 * 8 * 3 < made.bits < 28 * 28 * 8 * 3
        # A grey ramp is easy, and these files the worst there are.
        assert figures(pictures, made.pictures).psnr.min() > 12
