import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from model.latent.macro_auc import macro_auc


def scored(n=300, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return drawn(rng, labels, classes, 1.0), labels


def drawn(rng, labels, classes, apart):
    """Probabilities of a soft-max over normal scores, that of the true class `apart` higher."""
    scores = rng.normal(size=(len(labels), classes)) + apart * (labels[:, None] == np.arange(classes))
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("decimals", [8, 1])
def test_it_is_scikit_learns_macro_average(decimals):
    scores, labels = scored()
    scores = scores.round(decimals)  # one decimal: many ties
    expected = np.mean([roc_auc_score(labels == c, scores[:, c]) for c in range(4)])
    assert macro_auc(scores, labels, range(4)).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("ours", "rest", "truth"),
    [(60, 60, 0.76), (10, 10, 0.97), (10, 140, 0.97), (5, 100, 0.9), (2, 30, 0.9), (300, 300, 0.999)],
)
def test_the_interval_covers_the_true_area(ours, rest, truth):
    rng = np.random.default_rng(2)
    labels = np.repeat([1, 0], [ours, rest])
    covered = 0
    for _ in range(200):
        score = rng.normal(size=ours + rest) + labels * norm.ppf(truth) * 2**0.5
        low, high = macro_auc(np.stack([-score, score], axis=1), labels, [0, 1]).interval
        assert 0 <= low < high <= 1
        covered += low <= truth <= high
    assert covered >= 0.92 * 200


@pytest.mark.parametrize(
    ("sizes", "apart", "truth"),
    [((20, 20, 20, 20), 2, 0.961), ((50, 10, 30, 100), 1, 0.801), ((100, 5, 5, 60, 200), 2, 0.957)],
)
def test_the_interval_covers_the_true_macro_average(sizes, apart, truth):
    """Truth: of 100,000 images in the same shares."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    covered = 0
    for _ in range(200):
        low, high = macro_auc(drawn(rng, labels, len(sizes), apart), labels, range(len(sizes))).interval
        covered += low <= truth <= high
    assert covered >= 0.92 * 200


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_classes_told_without_an_error_have_an_interval_of_some_width(n):
    labels = np.repeat([0, 1], n)
    score = labels + np.linspace(0, 0.1, 2 * n)
    scores = np.stack([-score, score], axis=1)
    (low, high), (worst, most) = (macro_auc(s, labels, [0, 1]).interval for s in (scores, -scores))
    assert (worst, high) == pytest.approx((0, 1))
    assert low < 1 - 1 / n**1.5 / 3
    assert most == pytest.approx(1 - low)


def test_two_classes_are_one_area_and_not_two():
    scores, labels = scored(80, 2)
    both, one = macro_auc(scores, labels, [0, 1]), macro_auc(scores[:, 1:], labels, [1])
    assert both.interval == pytest.approx(one.interval)


def test_of_many_images_the_variance_is_delongs():
    """Written out over pairs; its scores fit no model of Newcombe's."""
    rng = np.random.default_rng(3)
    labels = np.repeat([1, 0], [1000, 3000])
    score = np.where(labels == 1, rng.choice([0.0, 3.0], 4000, p=[0.2, 0.8]), 1) + rng.random(4000)
    won = (score[labels == 1][:, None] > score[labels == 0]).astype(float)
    error = np.sqrt(won.mean(axis=1).var(ddof=1) / 1000 + won.mean(axis=0).var(ddof=1) / 3000)
    low, high = macro_auc(score[:, None], labels, [1]).interval
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.02)


def test_classes_without_images_or_scores_are_left_out():
    scores, labels = scored()
    kept = labels != 3
    found = macro_auc(scores[kept], labels[kept], range(4))
    assert found.classes == (0, 1, 2)
    # Class 3 has images but no score: its images are among the rest of the others.
    found = macro_auc(scores[:, :3], labels, range(3))
    assert found.value == pytest.approx(np.mean([roc_auc_score(labels == c, scores[:, c]) for c in range(3)]))


def test_one_class_alone_has_no_area():
    scores, _ = scored(20)
    assert macro_auc(scores, np.zeros(20, dtype=int), range(4)) is None
    assert macro_auc(scores, np.arange(20) % 2 + 9, range(4)) is None
