"""What the question marks say."""

import re

import pytest

from dashboard.components.help import TEXTS

MOST_WORDS = 45
"""Of a sentence: what is longer is two that are not told apart."""


@pytest.mark.parametrize("word", TEXTS)
def test_a_word_is_explained_in_at_most_two_sentences(word):
    text = "".join(TEXTS[word])
    sentences = re.split(r"(?<=[.!?])\s+", text)
    assert 1 <= len(sentences) <= 2
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z].*[.]", sentence)
        assert len(sentence.split()) <= MOST_WORDS
    assert word in text.lower()
