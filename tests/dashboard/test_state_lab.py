"""The decode lab's view and its address."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.state import Point
from dashboard.state_lab import MAX_EDITS, MAX_STEPS, MIN_STEPS, Edit, LabView

edits = st.lists(st.builds(Edit, *[st.integers(0, 6)] * 2, st.integers(0, 511)), max_size=60)
points = st.none() | st.builds(
    Point, st.just("a set"), st.sampled_from(("train", "test")), st.integers(0, 9999)
)


@given(points, edits, points, st.integers(MIN_STEPS, MAX_STEPS))
def test_a_link_reproduces_the_view(point, changes, end, steps):
    view = LabView(point=point, end=end, steps=steps)
    for one in changes:
        view = view.given(one.row, one.column, one.code)
    assert LabView.from_query(view.to_query()) == view
    assert LabView.from_store(view.to_store()) == view


@given(st.text(max_size=200))
def test_whatever_an_address_says_is_read(text):
    for query in (text, f"?edits={text}", f"?point={text}&steps={text}&end={text}"):
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
