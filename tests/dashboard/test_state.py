import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.state import SORTS, SPLITS, Point, ReconstructionsView
from dashboard.state_map import KINDS, MAX_VERTICES, TABS, MapView, parse_polygon
from dashboard.state_seen import Seen

names = st.text(
    st.characters(exclude_characters="/\\", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30
)
coordinates = st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.5g}"))
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=MAX_VERTICES).map(tuple)
widths = st.floats(1e-3, 1e6)
spans = st.tuples(coordinates, widths).map(lambda span: (span[0], span[0] + span[1]))
ranges = st.tuples(spans, spans).map(lambda both: both[0] + both[1])
parts = st.builds(Seen, ranges, st.none() | st.tuples(st.floats(0, 359.9), st.floats(-90, 90)))
points = st.builds(Point, names, st.sampled_from(SPLITS), st.integers(0, 2**31 - 1))


@given(
    on=st.none() | st.lists(names, unique=True, max_size=8).map(tuple),
    kind=st.sampled_from(KINDS),
    level=st.integers(500, 999).map(lambda n: n / 10),
    point=st.none() | points,
    colour=st.sampled_from(["dataset", "label", "psnr", 0, 511]),
    group=st.sampled_from(["dataset", "label", "age_group"]),
    polygon=st.none() | polygons,
    second=st.sampled_from([None, "pca", "tsne-3d"]),
    drawn_on=st.booleans(),
    tab=st.sampled_from(TABS),
    order=st.none() | st.sampled_from(["psnr", "-age"]),
    seen=st.none() | parts,
    second_seen=st.none() | parts,
)
def test_a_link_reproduces_the_map(
    on, kind, level, point, colour, group, polygon, second, drawn_on, tab, order, seen, second_seen
):
    sigma = kind == "sigma"
    view = MapView(
        map="umap",
        on=on,
        group=group,
        kind=kind,
        level=95.0 if sigma else level,
        sigma=2.5 if sigma else 3.0,
        colour="code" if isinstance(colour, int) else colour,
        code=colour if isinstance(colour, int) else None,
        point=point,
        polygon=polygon,
        second=second,
        drawn_on=second if polygon and drawn_on else None,
        tab=tab if polygon else MapView.tab,
        order=order if polygon else None,
        seen=seen,
        second_seen=second_seen if second else None,
    )
    assert MapView.from_query(view.to_query()) == view


@given(
    dataset=st.none() | names,
    split=st.none() | st.sampled_from(SPLITS),
    label=st.none() | st.integers(0, 20_000),
    sort=st.sampled_from(SORTS),
    page=st.integers(1, 100_000),
    window=st.integers(10, 2550).map(lambda n: n / 10),
    level=st.integers(0, 2550).map(lambda n: n / 10),
    enlarged=st.none() | points,
)
def test_a_link_reproduces_the_reconstructions(dataset, split, label, sort, page, window, level, enlarged):
    view = ReconstructionsView(
        dataset=dataset,
        split=split,
        label=label,
        sort=sort,
        page=page,
        window=window,
        level=level,
        enlarged=enlarged,
    )
    assert ReconstructionsView.from_query(view.to_query()) == view


def test_the_default_view_has_a_bare_address():
    assert MapView().to_query() == ""
    assert ReconstructionsView().to_query() == ""


def test_no_data_set_is_another_view_than_all():
    assert MapView(on=()).to_query() == "?on="
    assert MapView.from_query("?on=").on == ()
    assert not MapView(on=()).shows("a")
    assert MapView().shows("a")


@given(st.text(max_size=200))
def test_any_query_can_be_read(query):
    for view in (MapView, ReconstructionsView):
        found = view.from_query(query)
        assert view.from_query(found.to_query()) == found


def test_what_cannot_be_read_becomes_the_default():
    query = "?kind=magic&level=1000&sigma=nan&point=a/b/c&on=x"
    assert MapView.from_query(query) == MapView(on=("x",))
    assert ReconstructionsView.from_query("?page=-3&sort=none&label=x&split=foo") == ReconstructionsView()
    for text in ("0", "256", "-1", "nan", "inf", "x", "", "1e99"):
        asked = f"?window={text}&level={text}&enlarged={text}"
        assert ReconstructionsView.from_query(asked.replace("level=0&", "")) == ReconstructionsView()
    assert MapView.from_query("?" + "&".join(f"a={i}" for i in range(500))) == MapView()


def test_points_are_read_strictly():
    assert Point.parse("set/test/12") == Point("set", "test", 12)
    for text in (
        None,
        "",
        "set",
        "set/test",
        "set/other/1",
        "set/test/-1",
        "set/test/1.5",
        "/test/1",
        "a/b/test/1",
    ):
        assert Point.parse(text) is None, text
    assert Point.parse(f"set/test/{2**31}") is None


def test_controls_that_are_being_edited_do_not_break_the_view():
    for level, sigma in ((None, None), ("", "-"), (1000, 99.0)):
        view = MapView.from_controls(on=["a"], kind="sigma", level=level, sigma=sigma, point="set/test/12")
        assert view == MapView(on=("a",), kind="sigma", point=Point("set", "test", 12))
    assert MapView.from_controls(kind="mean", level=80, sigma=2.5) == MapView(
        kind="mean", level=80.0, sigma=2.5
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3,4",
        "1,2,3,4,5",
        "1,2,3,4,5,x",
        "1,2,3,4,5,nan",
        "1,2,3,4,5,1e999",
        "1,2," * 101 + "1,2",
        "1" * 4000,
    ],
)
def test_what_is_no_polygon_selects_nothing(text):
    assert parse_polygon(text) is None
    assert MapView.from_query(f"?sel={text}") == MapView()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "1,2,3,4,5",
        "2,1,3,4",
        "1,1,3,4",
        "1,2,3,x",
        "1,2,3,nan",
        "-inf,2,3,4",
        "1,1e999,3,4",
        "1,2e30,3,4",
        "1,1.0000000001,3,4",
        "0,1e-320,3,4",
    ],
)
def test_what_is_no_part_of_a_map_shows_all_of_it(text):
    assert Seen.parse(text, "") is None
    assert MapView.from_query(f"?view={text}") == MapView()


@pytest.mark.parametrize(
    "text", ["", "1", "1,2,3", "360,0", "-1,0", "0,91", "0,-91", "nan,0", "0,x", "1e999,0"]
)
def test_what_is_no_direction_is_none(text):
    assert MapView.from_query(f"?view=0,1,0,1&camera={text}").seen == Seen((0, 1, 0, 1))
    assert MapView.from_query("?camera=45,25") == MapView()  # of which it is not known what it shows


def test_where_a_map_is_seen_from_goes_with_it():
    view = MapView.from_query("?map=space&view=-1,1,-2,2&camera=359.9,-90")
    assert view.seen == Seen((-1, 1, -2, 2), (359.9, -90.0))
    assert view.to_query() == "?map=space&view=-1,1,-2,2&camera=359.9,-90"
    stored, _ = view.stored_seen
    assert stored == {"map": "space", "ranges": (-1, 1, -2, 2), "camera": (359.9, -90.0)}
    assert view.on_map("pca").seen is None
    assert MapView.from_controls(map="space", seen=stored).seen == view.seen
    assert MapView.from_controls(map="pca", seen=stored).seen is None


def test_what_is_seen_goes_with_its_map():
    view = MapView.from_query("?view=-1.25,2,0,1e-05")
    assert view.seen == Seen((-1.25, 2.0, 0.0, 1e-5))
    assert view.to_query() == "?view=-1.25,2,0,1e-05"
    assert view.stored_seen == ({"map": "pca", "ranges": (-1.25, 2.0, 0.0, 1e-5)}, None)
    assert view.on_map("pca") == view
    assert view.on_map("umap") == MapView(map="umap")
    assert MapView.from_controls(map="pca", seen={"map": "pca", "ranges": [-1.25, 2, 0, 1e-5]}) == view
    assert MapView.from_controls(map="umap", seen=view.stored_seen[0]) == MapView(map="umap")


def test_so_it_does_of_the_second_map():
    view = MapView.from_query("?second=umap&view2=0,1,2,3&camera2=45,30")
    assert view.second_seen == Seen((0, 1, 2, 3), (45, 30))
    assert view.to_query() == "?second=umap&view2=0,1,2,3&camera2=45,30"
    assert view.stored_seen[0] is None
    assert MapView.from_controls(second="umap", second_seen=view.stored_seen[1]) == view
    assert MapView.from_controls(second="tsne", second_seen=view.stored_seen[1]) == MapView(second="tsne")
    assert view.on_map("umap") == MapView(map="umap")
    assert MapView.from_query("?view2=0,1,2,3") == MapView()


def test_the_order_of_the_table_goes_with_its_selection():
    view = MapView.from_query("?sel=0,0,1,0,1,1&tab=table&order=-psnr")
    assert view.order == "-psnr"
    assert "order=-psnr" in view.to_query()
    assert MapView.from_query("?order=psnr") == MapView()
    assert MapView.from_query("?sel=0,0,1,0,1,1&order=--psnr").order is None
    assert MapView.from_controls(order="psnr").order is None


def test_a_tab_is_one_of_a_selection():
    asked = MapView.from_query("?sel=0,0,1,0,1,1&tab=table")
    assert asked == MapView(polygon=SQUARE[:3], tab="table")
    assert asked.to_query() == "?sel=0,0,1,0,1,1&tab=table"
    assert asked.on_map("umap") == MapView(map="umap")  # the selection stays behind, and its tab
    for query in ("?tab=table", "?sel=0,0,1,0,1,1&tab=magic", "?sel=0,0,1,0,1,1&tab="):
        assert MapView.from_query(query).tab == "composition"
    assert MapView.from_controls(tab="codes") == MapView()
    assert MapView.from_controls(tab="codes", polygon=asked.drawn).tab == "codes"


def test_a_code_in_the_address_colours_by_it():
    assert MapView.from_query("?code=17") == MapView(colour="code", code=17)
    assert MapView.from_query("?colour=code") == MapView()
    assert MapView.from_query("?code=-1&colour=psnr") == MapView(colour="psnr")


SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


def test_a_polygon_goes_with_its_map():
    on_first = MapView(map="pca", second="umap", polygon=SQUARE)
    assert on_first.drawn == {"map": "pca", "vertices": SQUARE}
    assert on_first.on_map("tsne").polygon is None
    on_second = MapView(map="pca", second="umap", polygon=SQUARE, drawn_on="umap")
    assert on_second.drawn == {"map": "umap", "vertices": SQUARE}
    kept = on_second.on_map("tsne")
    assert (kept.map, kept.second, kept.polygon, kept.drawn_on) == ("tsne", "umap", SQUARE, "umap")
    # The second map becomes the first: there is nothing beside it any more.
    alone = on_second.on_map("umap")
    assert (alone.map, alone.second, alone.polygon, alone.drawn_on) == ("umap", None, SQUARE, None)
    assert MapView.from_controls(map="pca", second="umap", polygon=on_second.drawn) == on_second
    assert MapView.from_controls(map="pca", polygon=on_first.drawn).drawn_on is None


def test_a_map_is_not_seen_beside_itself():
    assert MapView.from_query("?map=umap&second=umap").second is None
    assert MapView.from_query("?second=pca").second is None
    assert MapView.from_controls(map="umap", second="umap").second is None
    # Nor does an address select on a map that it does not show.
    assert MapView.from_query("?second=umap&sel=0,0,1,0,1,1&drawn=tsne").drawn_on is None


def test_labels_that_are_off_are_kept_by_the_address():
    view = MapView.from_query("?off=b/2&off=a.1/-1&off=b/0&off=b/2&off=b&off=b/x&off=../1")
    assert view.off == (("a.1", -1), ("b", 0), ("b", 2))
    assert view.labels_off == {"a.1": [-1], "b": [0, 2]}
    assert MapView.from_query(view.to_query()) == view
    assert MapView.from_controls(off=view.labels_off) == view
    assert MapView.from_controls(off={}).to_query() == ""
    many = MapView.from_controls(off={f"set{k}": list(range(100)) for k in range(10)})
    assert MapView.from_query(many.to_query()) == many
    assert MapView.from_query("?off=b/0,2,-1&off=b/1,,2&off=b/1,").off == (("b", -1), ("b", 0), ("b", 2))


def test_an_address_of_many_data_sets_is_kept():
    many = MapView.from_controls(on=[f"set{k}" for k in range(1000)])
    assert MapView.from_query(many.to_query()) == many
