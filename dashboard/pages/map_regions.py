"""What a map's ellipses are fitted to, and what is drawn and said of them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dash import html

from dashboard.answers import Catalogue, Ellipse, Ellipses
from dashboard.answers_map import Columns
from dashboard.client import ApiClient
from dashboard.client_map import columns
from dashboard.colouring import OTHER, colours_of
from dashboard.components.label_switches import NO_LABEL
from dashboard.components.legend import coverage, group_row
from dashboard.components.words import count
from dashboard.figures.map_points import ellipse_outlines
from dashboard.palette import OKABE_ITO
from dashboard.state_map import MapView

MOST = 40
"""Ellipses drawn besides those of the data sets."""
HIDDEN_COUNT = (
    "Ellipses, and what is said of them, are of all images: those of labels that are off count too."
)


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The ellipses of a map in a view."""

    view: MapView
    catalogue: Catalogue
    columns: Columns
    dimensions: int
    """Of the map."""
    of_datasets: tuple[Ellipse, ...]
    groups: tuple[Ellipse, ...]
    """Of what the view groups by among the data sets and labels that are on; none where data sets are the groups."""
    beyond: int
    """Groups of which the service told nothing, as there are too many."""

    @property
    def by_dataset(self) -> bool:
        """Whether data sets are the groups."""
        return self.view.group == "dataset"

    @property
    def told(self) -> tuple[Ellipse, ...]:
        """The groups that have a row, and are drawn where they have an ellipse."""
        return self.of_datasets if self.by_dataset else self.groups[:MOST]

    @property
    def notes(self) -> list[str]:
        """What has to be known of the ellipses that are drawn, of a saved picture too."""
        more = 0 if self.by_dataset else len(self.groups) - len(self.told) + self.beyond
        hidden = self.view.group != "label" and any(self.view.shows(name) for name, _ in self.view.off)
        return [
            *([f"{count(more)} more groups are not drawn."] if more else []),
            *([HIDDEN_COUNT] if hidden else []),
        ]

    @property
    def about(self) -> str:
        """What the kind of the ellipses needs to be told, where it does."""
        level = next((e.level for e in self.of_datasets if e.level is not None), None)
        if self.view.kind == "sigma" and level is not None:
            return (
                f"{self.view.sigma:g} standard deviations cover {100 * level:.1f} % of a "
                f"{self.dimensions}-D normal distribution."
            )
        if self.view.kind == "mean":
            return "Where the mean of the group lies, not where its images fall."
        return ""

    def drawn(self) -> dict[str, Any]:
        """Content of the store map-ellipses: outlines of data sets, shapes of other groups, what they were fitted for.

        And of each, in the order of the page's legend, the share of its points inside: a saved picture says it of any
        map.
        """
        found = {e.group: e for e in self.of_datasets}
        outlines = ellipse_outlines(self.of_datasets)
        colours = _colours(self)
        groups = [] if self.by_dataset else [e for e in self.told if e.lines]
        names = [dataset.name for dataset in self.catalogue.datasets]
        return {
            "key": regions_key(self.view, self.catalogue.index, names),
            "map": self.view.map,
            "inside": [(name, coverage(found.get(name), self.view.kind)) for name in names]
            if self.by_dataset
            else [(e.group, coverage(e, self.view.kind)) for e in self.told],
            "outlines": outlines if self.by_dataset else {name: {"x": [], "y": []} for name in outlines},
            "shapes": [
                {"name": e.group, "colour": colours[e.group], **ellipse_outlines([e])[e.group]}
                for e in groups
            ],
            "about": self.about,
            "notes": self.notes,
        }

    def rows(self) -> list[html.Div]:
        """The groups' names, numbers of images, coverage and warnings; and what has to be known of them."""
        colours = _colours(self)
        rows = [group_row(e, colours[e.group], self.view.kind) for e in self.told]
        return [*rows, *self.note_rows()]

    def note_rows(self) -> list[html.Div]:
        """The notes."""
        return [html.Div(text, className="note") for text in self.notes]


async def fetch_regions(client: ApiClient, view: MapView, on: Sequence[str], dimensions: int) -> Regions:
    """The ellipses of a view of a map with so many dimensions, with these data sets on. Raises ApiError."""
    fitted = partial(client.ellipses, view.map, kind=view.kind, level=view.level / 100, sigma=view.sigma)

    async def of_groups() -> Ellipses:
        if view.group == "dataset" or not on:
            return Ellipses((), 0)
        return await fitted(group_by=view.group, datasets=on)

    catalogue, known, of_datasets, grouped = await asyncio.gather(
        client.catalogue(), columns(client), fitted(), of_groups()
    )
    return Regions(
        view=view,
        catalogue=catalogue,
        columns=known,
        dimensions=dimensions,
        of_datasets=of_datasets.items,
        groups=groups_on(view, catalogue, grouped.items),
        beyond=grouped.beyond,
    )


def groups_on(view: MapView, catalogue: Catalogue, grouped: Sequence[Ellipse]) -> tuple[Ellipse, ...]:
    """The groups without those of a label that is switched off."""
    names = {dataset.name: dataset.labels for dataset in catalogue.datasets}
    off = {
        f"{name} / {'none' if label == NO_LABEL else names[name].get(label)}"
        for name, label in view.off
        if name in names
    }
    return tuple(e for e in grouped if view.group != "label" or e.group not in off)


def regions_key(view: MapView, index: str, datasets: Sequence[str]) -> list[Any]:
    """What ellipses are drawn for, as they come back from the browser."""
    # Which data sets are on changes the groups' ellipses, but not those of the data sets themselves.
    on = None if view.group == "dataset" and not view.off else [name for name in datasets if view.shows(name)]
    # Which labels are off changes the labels' ellipses; of others it has to be said that they count.
    off = [list(one) for one in view.off] if view.group == "label" else bool(view.off)
    return [view.map, view.group, on, view.kind, view.level, view.sigma, index, off]


def _colours(regions: Regions) -> Mapping[str, str]:
    """Colour of each group: that of its points when coloured by the same; of intervals one after the other."""
    column = regions.columns.get(regions.view.group)
    of_points = {} if column is None or column.numeric else colours_of(column, regions.catalogue)
    in_order = {e.group: colour for e, colour in zip(regions.told, OKABE_ITO, strict=False)}
    return {e.group: of_points.get(e.group) or in_order.get(e.group, OTHER) for e in regions.told}
