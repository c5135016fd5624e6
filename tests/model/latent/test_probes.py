import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from model.latent.neighbours import nearest
from model.latent.probes import C_GRID, Labelled, LinearProbe, NeighbourProbe, probe, score


@pytest.fixture(scope="module")
def digits():
    """Real data that a linear classifier does well on, in three parts."""
    x, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(x))
    part = {"train": rows[:900], "val": rows[900:1200], "test": rows[1200:]}
    return {split: Labelled(x[r].astype(np.float32), y[r].astype(np.int64)) for split, r in part.items()}


def noise(n, dim=32, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    return Labelled(rng.normal(size=(n, dim)).astype(np.float32), rng.integers(0, classes, n))


def relabelled(part, labels):
    return Labelled(part.embeddings, labels)


def test_the_linear_probe_is_scikit_learns_regression_at_the_c_chosen_on_validation(digits):
    train, val, test = digits.values()
    fitted = LinearProbe.fit(train, val)
    scaler = StandardScaler().fit(train.embeddings.astype(np.float64))
    losses = {}
    for c in C_GRID:
        plain = LogisticRegression(C=c, max_iter=5000).fit(scaler.transform(train.embeddings), train.labels)
        own = plain.predict_proba(scaler.transform(val.embeddings))[np.arange(len(val)), val.labels]
        losses[c] = -np.log(own).mean(), plain
    best = min(losses, key=lambda c: losses[c][0])
    assert fitted.c == best
    expected = losses[best][1].predict_proba(scaler.transform(test.embeddings))
    assert fitted.probabilities(test.embeddings) == pytest.approx(expected, abs=0.05)


def test_the_neighbour_probe_votes_among_the_nearest_by_cosine(digits):
    train, test = digits["train"], digits["test"]
    rows, _ = nearest(train.embeddings, test.embeddings, k=11, metric="cosine")
    votes = np.stack([(train.labels[rows] == c).mean(axis=1) for c in range(10)], axis=1)
    assert NeighbourProbe.fit(train).probabilities(test.embeddings) == pytest.approx(votes, abs=1e-6)


def test_scores_are_scikit_learns(digits):
    train, val, test = digits.values()
    for fitted in (LinearProbe.fit(train, val), NeighbourProbe.fit(train)):
        found = score(fitted, test)
        probabilities = fitted.probabilities(test.embeddings).astype(np.float64)
        predicted = probabilities.argmax(axis=1)
        areas = [roc_auc_score(test.labels == c, probabilities[:, c]) for c in range(10)]
        assert found["accuracy"] == pytest.approx(accuracy_score(test.labels, predicted))
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(test.labels, predicted))
        assert found["auc"] == pytest.approx(np.mean(areas))
        for key in ("accuracy", "balanced_accuracy", "auc"):
            low, high = found[f"{key}_interval"]
            assert low <= found[key] <= high
            assert found[key] > 0.85


def test_evaluated_labels_have_no_part_in_fitting(digits):
    train, val, test = digits.values()
    shuffled = relabelled(test, np.random.default_rng(1).permutation(test.labels))
    true, false = probe(train, val, test), probe(train, val, shuffled)
    assert true["linear"]["c"] == false["linear"]["c"]
    assert true["n_train"] == false["n_train"] == len(train)
    assert true["linear"]["accuracy"] > 0.9
    # The same predictions against shuffled labels hit as often as chance.
    assert false["linear"]["accuracy_interval"][0] < 0.1 < false["linear"]["accuracy_interval"][1]


def test_random_labels_are_told_no_better_than_chance():
    found = probe(noise(600, seed=1), noise(200, seed=2), noise(500, seed=3))
    for kind in ("linear", "knn"):
        for key in ("accuracy", "balanced_accuracy", "auc"):
            low, high = found[kind][f"{key}_interval"]
            assert low < 0.5 < high, (kind, key)


@pytest.mark.parametrize("kind", ["linear", "knn"])
def test_mixing_evaluated_images_into_training_would_show(kind):
    evaluated, others = noise(500, dim=256, seed=3), noise(100, dim=256, seed=1)
    mixed = Labelled(
        np.concatenate([others.embeddings, evaluated.embeddings]),
        np.concatenate([others.labels, evaluated.labels]),
    )
    leaking = probe(mixed, noise(200, dim=256, seed=2), evaluated)
    assert leaking[kind]["auc_interval"][0] > 0.6


def test_tuning_labels_choose_c_and_nothing_else(digits):
    train, val, _ = digits.values()
    noisy = relabelled(val, np.random.default_rng(1).permutation(val.labels))
    fitted, misled = LinearProbe.fit(train, val), LinearProbe.fit(train, noisy)
    assert misled.c < fitted.c
    assert np.array_equal(misled.scaler.mean_, fitted.scaler.mean_)
    assert set(misled.classes) == set(train.labels)


def test_without_a_tuning_split_c_is_chosen_on_held_out_training_images(digits):
    train, _, test = digits.values()
    fitted = LinearProbe.fit(train, None)
    again = LinearProbe.fit(train, Labelled(test.embeddings[:0], test.labels[:0]))
    assert fitted.c == again.c
    assert fitted.c in C_GRID
    assert score(fitted, test)["accuracy"] > 0.93


def test_two_images_are_enough_to_fit():
    train = Labelled(np.eye(2, 4, dtype=np.float32), np.array([3, 5]))
    found = probe(train, None, train)
    assert found["knn"]["k"] == 2
    assert found["linear"]["accuracy"] == 1.0


def test_one_class_is_refused():
    train = Labelled(np.eye(3, dtype=np.float32), np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="two classes"):
        LinearProbe.fit(train, None)


def test_classes_that_a_split_lacks_are_counted_as_what_they_are(digits):
    train, val, test = digits.values()
    few = train.labels < 8
    found = probe(Labelled(train.embeddings[few], train.labels[few]), val, test)
    assert (found["classes"], found["classes_evaluated"]) == (8, 10)
    assert found["linear"]["auc_classes"] == 8
    # Images of the two unknown classes are wrong by necessity.
    assert found["linear"]["accuracy"] <= (test.labels < 8).mean()
    assert found["linear"]["balanced_accuracy"] <= 0.8
    only = test.labels == 4
    single = probe(train, val, Labelled(test.embeddings[only], test.labels[only]))
    assert single["linear"]["auc"] is None
    assert single["linear"]["auc_interval"] is None


def test_what_is_found_is_json(digits):
    found = probe(*digits.values())
    assert json.loads(json.dumps(found, allow_nan=False))["linear"]["accuracy"] == found["linear"]["accuracy"]
