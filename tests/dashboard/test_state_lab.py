"""The decode lab's view, its address, and what it calls synthetic."""

import pytest
from dash import html
from hypothesis import given
from hypothesis import strategies as st

from dashboard.client_lab import Step, Walk
from dashboard.pages.lab_walk import SYNTHETIC, steps
from dashboard.state import Point
from dashboard.state_lab import MAX_EDITS, MAX_STEPS, MIN_STEPS, Edit, LabView

edits = st.lists(st.builds(Edit, *[st.integers(0, 6)] * 2, st.integers(0, 511)), max_size=60)
points = st.none() | st.builds(
    Point, st.just("a set"), st.sampled_from(("train", "test")), st.integers(0, 9999)
)


cells = st.tuples(st.integers(0, 255), st.integers(0, 255))


@given(points, edits, cells, points, st.integers(MIN_STEPS, MAX_STEPS))
def test_a_link_reproduces_the_view(point, changes, cell, end, steps):
    view = LabView(point=point, cell=cell, end=end, steps=steps)
    for one in changes:
        view = view.given(one.row, one.column, one.code)
    assert LabView.from_query(view.to_query()) == view
    assert LabView.from_store(view.to_store()) == view


@given(st.text(max_size=200))
def test_whatever_an_address_says_is_read(text):
    for query in (text, f"?edits={text}", f"?point={text}&steps={text}&end={text}&cell={text}"):
        view = LabView.from_query(query)
        assert MIN_STEPS <= view.steps <= MAX_STEPS
        assert len(view.edits) <= MAX_EDITS


def test_a_cell_has_one_code_and_can_have_its_own_again():
    view = LabView().given(1, 2, 7).given(0, 0, 3).given(1, 2, 9)
    assert view.edits == (Edit(0, 0, 3), Edit(1, 2, 9))
    assert view.code_at(1, 2) == 9
    assert view.given(1, 2, None).edits == (Edit(0, 0, 3),)


def test_what_is_no_edit_is_left_out():
    view = LabView.from_query("?edits=1.2.3,1.2,x.y.z,1.2.70000,-1.0.0,300.0.1,2.2.4&steps=99")
    assert view.edits == (Edit(1, 2, 3), Edit(2, 2, 4))
    assert view.steps == MAX_STEPS


@pytest.mark.parametrize(
    "text", ["", "1", "1.2.3", "x.y", "-1.0", "0.256", "1e1.0", "1.2, 3", "0.99999999999"]
)
def test_what_is_no_cell_is_the_first(text):
    assert LabView.from_query(f"?cell={text}") == LabView()


def test_the_cell_in_hand_is_in_the_address():
    assert LabView(cell=(2, 5)).to_query() == "?cell=2.5"
    assert LabView(cell=(0, 0)).to_query() == ""


@pytest.mark.parametrize(
    ("flips", "synthetic"),
    [
        ((0, 3, 0, 2), [1, 2]),
        ((0, 0, 4, 0), []),  # all at once: each picture is one end's reconstruction
        ((0, 0, 1, 1), [2]),
        ((0, 0, 0, 0), []),
    ],
)
def test_synthetic_is_what_has_the_codes_of_neither_end(datasets, flips, synthetic):
    made = [
        Step(weight=n / 3, flipped=tuple((0, c) for c in range(number)), image="")
        for n, number in enumerate(flips)
    ]
    _head, shown = steps(Walk(4, tuple(made)), [[1, 2, 3, 4]], datasets[0])
    figures = [part for part in shown.children if isinstance(part, html.Figure)]
    marked = [
        n
        for n, figure in enumerate(figures)
        if any(getattr(part, "children", None) == SYNTHETIC for part in figure._traverse())
    ]
    assert marked == synthetic
