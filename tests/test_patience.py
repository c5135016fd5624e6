"""A busy machine fails no test: what is set for all of them."""

from hypothesis import settings


def test_no_example_of_hypothesis_has_a_deadline():
    assert settings().deadline is None
