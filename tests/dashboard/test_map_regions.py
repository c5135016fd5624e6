"""What is drawn and said of a map's ellipses."""

import httpx
import pytest

from dashboard.answers import Catalogue, Ellipse
from dashboard.answers_map import Columns
from dashboard.pages.map_regions import HIDDEN_COUNT, MOST, Regions, fetch_regions, groups_on, regions_key
from dashboard.state_map import MapView

LINE = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))


def _ellipse(group: str, *, drawn: bool = True) -> Ellipse:
    return Ellipse(
        group=group,
        n=9,
        outline=LINE if drawn else None,
        observed_coverage=0.95 if drawn else None,
        level=0.95,
        warnings=(),
    )


@pytest.fixture
def regions(datasets):
    def of(view: MapView, groups=(), beyond: int = 0) -> Regions:
        return Regions(
            view=view,
            catalogue=Catalogue("model", "index", datasets),
            columns=Columns("index", 465, ()),
            dimensions=2,
            of_datasets=tuple(_ellipse(d.name) for d in datasets),
            groups=tuple(groups),
            beyond=beyond,
        )

    return of


def test_what_is_told_is_what_is_drawn(regions):
    groups = [_ellipse(f"{k}", drawn=k != 3) for k in range(MOST + 5)]
    found = regions(MapView(group="age"), groups, beyond=100)
    drawn = found.drawn()
    assert [name for name, _ in drawn["inside"]] == [f"{k}" for k in range(MOST)]
    assert [shape["name"] for shape in drawn["shapes"]] == [f"{k}" for k in range(MOST) if k != 3]
    assert dict(drawn["inside"])["3"] == "no ellipse"
    assert drawn["notes"] == ["105 more groups are not drawn."]
    assert len(found.rows()) == MOST + 1
    assert found.rows()[-1].children == "105 more groups are not drawn."
    assert regions(MapView(group="age"), groups[:3]).notes == []


def test_hidden_images_count_except_where_labels_are_the_groups(regions):
    off = (("small", 1),)
    assert regions(MapView(off=off)).notes == [HIDDEN_COUNT]
    assert regions(MapView(off=off, group="split")).drawn()["notes"] == [HIDDEN_COUNT]
    assert regions(MapView(off=off, group="label")).notes == []
    assert regions(MapView(off=off, on=("large",))).notes == []  # none of the set is shown
    assert regions(MapView()).notes == []


def test_switching_labels_asks_anew_where_something_else_is_to_be_said():
    def key(**view) -> list:
        return regions_key(MapView(**view), "index", ["small", "large"])

    off = (("small", 1),)
    assert key() != key(off=off)
    assert key(off=off) == key(off=(("small", 0),))
    assert key(off=off) != key(off=off, on=("large",))
    assert key() == key(on=("large",))  # the data sets' own ellipses stay
    assert key(group="label", off=off) != key(group="label", off=(("small", 0),))


def test_a_group_goes_with_its_label_also_that_of_none(datasets):
    catalogue = Catalogue("model", "index", datasets)
    groups = [_ellipse(name) for name in ("small / none", "small / some", "large / none", "other / some")]

    def left(*off: tuple[str, int], group: str = "label") -> list[str]:
        return [e.group for e in groups_on(MapView(group=group, off=off), catalogue, groups)]

    assert left(("large", -1)) == ["small / none", "small / some", "other / some"]  # -1: no label
    assert left(("small", 1)) == ["small / none", "large / none", "other / some"]
    assert left(("unknown", 1)) == [e.group for e in groups]
    assert left(("small", 1), group="split") == [e.group for e in groups]


async def test_groups_are_asked_of_data_sets_that_are_on(client_of):
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        if request.url.path.endswith("/ellipses"):
            return httpx.Response(200, json={"items": [], "groups_beyond": 7})
        return httpx.Response(200, json={"model": "m", "index": "i", "n": 0, "items": []})

    client = client_of(answer)
    found = await fetch_regions(client, MapView(group="split"), ["small", "large"], 2)
    grouped = [url.params for url in asked if url.params.get("group_by") == "split"]
    assert [params.get_list("dataset") for params in grouped] == [["small", "large"]]
    assert found.beyond == 7
    asked.clear()
    assert (await fetch_regions(client, MapView(group="split"), [], 2)).groups == ()
    assert not [url for url in asked if url.params.get("group_by") == "split"]
