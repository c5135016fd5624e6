"""The three words a clinician needs, in two sentences each."""

from collections.abc import Sequence

from dash import html

from dashboard.components.attributes import attributes
from dashboard.components.popover import popover

TEXTS = {
    "latent space": (
        "The model describes every image by a short list of numbers; the latent space is the space of these "
        "descriptions. On the map each image is one point, and images that the model describes alike lie close "
        "together.",
    ),
    "code": (
        "A code is one entry of a fixed vocabulary of small image patterns that the model has learnt. An image is "
        "stored as a small grid of such entries, and the reconstruction shows what these entries keep of it.",
    ),
    "ellipse": (
        "The ellipse is where a new image of the group is expected to fall with the stated probability, if its points "
        "are normally distributed, or, of another kind, where the mean of the group or a share of its images lies. "
        "Compare that with the share of points really inside, but for the mean: where the two differ, the ellipse "
        "describes the group badly.",
    ),
}


def help_button(word: str) -> html.Span:
    """A small question mark that explains the word; opens by mouse, touch or keyboard."""
    return _popover([word], f"What is meant by {word}?", "help")


def words_button() -> html.Span:
    """The question mark of the header, which explains all three words on every page."""
    return _popover(list(TEXTS), "Words: latent space, code, ellipse", "help help-words")


def _popover(words: Sequence[str], name: str, class_name: str) -> html.Span:
    opener = html.Button(
        "?",
        type="button",
        className=class_name,
        title=name,
        **attributes({"aria-label": name, "aria-haspopup": "dialog"}),
    )
    parts: list[html.Div | html.P] = []
    for word in words:
        parts += [
            html.Div(word.capitalize(), className="help-title"),
            html.P(list(TEXTS[word]), className="help-text"),
        ]
    content = html.Div(parts, role="dialog", tabIndex="-1", **attributes({"aria-label": name}))
    return popover(opener, content, width=280 if len(words) == 1 else 340)
