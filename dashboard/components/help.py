"""The three words a clinician needs, in two sentences each."""

import dash_mantine_components as dmc
from dash import html

from dashboard.components.attributes import attributes

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
        "The ellipse is the region in which a new image of the same data set is expected to fall with the stated "
        "probability, if the points were normally distributed. Compare that probability with the share of points "
        "really inside: where the two differ, the ellipse describes the group badly.",
    ),
}


def help_button(word: str) -> dmc.Popover:
    """A small question mark that explains the word; opens by mouse, touch or keyboard."""
    return dmc.Popover(
        [
            dmc.PopoverTarget(
                html.Button(
                    "?",
                    type="button",
                    className="help",
                    **attributes({"aria-label": f"What is meant by {word}?"}),
                ),
                boxWrapperProps={"style": {"display": "inline-flex"}},
            ),
            dmc.PopoverDropdown(
                [
                    html.Div(word.capitalize(), className="help-title"),
                    html.P(list(TEXTS[word]), className="help-text"),
                ]
            ),
        ],
        width=280,
        position="bottom-start",
        withArrow=True,
        shadow="md",
        withinPortal=True,
        trapFocus=True,  # so that Escape closes it, and the focus goes back to the question mark
        returnFocus=True,
    )
