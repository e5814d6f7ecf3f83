"""Rules: made, moved, switched, deleted; their positions stay 1, 2, 3, …"""

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from segctl.errors import AlreadyExists, InvalidValue, NotFound, UsageError
from segctl.services import assignments
from segctl.store.opening import Store
from tests.chat.chats import (
    WHO,
    address,
    contact_segment,
    deactivate,
    group,
    order,
    rule,
    simple,
    team,
)
from tests.engine.workspace import segment, sql


@pytest.fixture
def three(store: Store) -> Store:
    """Rules A, B and C."""
    team(store, "anna", "ben")
    group(store, "Sales", "ben")
    simple(store, "A", "score > 1", address("anna"))
    simple(store, "B", "score > 2", "Sales")
    simple(store, "C", "score > 3", address("ben"))
    return store


def audited(store: Store) -> list[tuple[str, str]]:
    rows = sql(
        store,
        "SELECT action, subject FROM audit_entry WHERE subject_type = 'assignment' ORDER BY id",
    )
    return [tuple(row) for row in rows]


def test_rules_stand_in_the_order_in_which_they_were_made(three: Store):
    assert order(three) == ["A", "B", "C"]
    views = assignments.list_rules(three)
    assert [view.to for view in views] == ["anna@example.com", "group Sales", "ben@example.com"]
    assert audited(three) == [("create", "A"), ("create", "B"), ("create", "C")]


def test_a_rule_can_be_made_at_a_position(three: Store):
    made = simple(three, "D", "score > 4", "Sales", position=2, enabled=False, description="why")
    assert order(three) == ["A", "D", "B", "C"]
    assert (made.position, made.enabled, made.description) == (2, False, "why")


@pytest.mark.parametrize("position", [0, -1, 5])
def test_a_position_that_there_is_not_is_refused(three: Store, position: int):
    contact_segment(three, "D", "score > 4")
    with pytest.raises(UsageError, match="no position"):
        rule(three, "D", "Sales", position=position)
    assert order(three) == ["A", "B", "C"]


def test_a_second_rule_for_a_segment_is_refused(three: Store):
    with pytest.raises(AlreadyExists, match="at position 2"):
        rule(three, "b", "Sales")
    with pytest.raises(AlreadyExists):
        assignments.edit(three, "A", segment="B", **WHO)
    assert order(three) == ["A", "B", "C"]


@pytest.mark.parametrize("type", ["company", "deal", "task", "ticket", "product"])
def test_a_segment_of_another_type_is_refused(three: Store, type: str):
    segment(three, "Other", "name is set", type=type)
    with pytest.raises(UsageError, match=f"{type} segment") as caught:
        rule(three, "Other", "Sales")
    hint = caught.value.hint or ""
    contact_segment(three, "Reads it", hint.partition(": ")[2])  # the hint is a real condition


def test_unknown_segments_and_people_are_not_found(three: Store):
    contact_segment(three, "D", "score > 4")
    with pytest.raises(NotFound):
        rule(three, "No such", "Sales")
    with pytest.raises(NotFound):
        rule(three, "D", "nobody")
    with pytest.raises(NotFound, match="no assignment rule"):
        assignments.show(three, "D")
    with pytest.raises(NotFound):
        assignments.show(three, "#99")


def test_a_deactivated_team_member_gets_no_rule(three: Store):
    team(three, "cy")
    deactivate(three, "cy")
    contact_segment(three, "D", "score > 4")
    with pytest.raises(UsageError, match="deactivated"):
        rule(three, "D", address("cy"))


def test_a_rule_is_found_by_its_segment_and_by_its_id(three: Store):
    id = assignments.show(three, "b").id
    assert assignments.show(three, f"#{id}").segment == "B"
    assert assignments.show(three, str(id)).segment == "B"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"position": 1}, ["C", "A", "B"]),
        ({"position": 3}, ["A", "B", "C"]),
        ({"before": "B"}, ["A", "C", "B"]),
        ({"after": "A"}, ["A", "C", "B"]),
    ],
)
def test_a_rule_moves(three: Store, place: dict, expected: list[str]):
    rules = assignments.move(three, "C", **place, **WHO)
    assert [view.segment for view in rules] == expected == order(three)
    moved = expected != ["A", "B", "C"]
    assert audited(three)[3:] == ([("move", "C")] if moved else [])


def test_a_move_needs_one_place(three: Store):
    for place in ({}, {"position": 1, "before": "A"}, {"before": "C"}, {"position": 4}):
        with pytest.raises(UsageError):
            assignments.move(three, "C", **place, **WHO)
    assert order(three) == ["A", "B", "C"]


def test_editing_changes_what_is_given(three: Store):
    contact_segment(three, "D", "score > 4")
    made = assignments.edit(three, "A", to="group:Sales", segment="D", description="x", **WHO)
    assert (made.segment, made.to, made.description) == ("D", "group Sales", "x")
    assignments.edit(three, "D", to="Sales", segment="D", **WHO)
    assert audited(three)[3:] == [("edit", "A")]
    with pytest.raises(UsageError, match="nothing to change"):
        assignments.edit(three, "D", **WHO)
    with pytest.raises(InvalidValue):
        assignments.edit(three, "D", description="x" * 20_000, **WHO)


def test_a_rule_is_switched_off_and_on_at_its_position(three: Store):
    view, changed = assignments.switch(three, "A", enabled=False, **WHO)
    assert (view.enabled, changed) == (False, True)
    assert assignments.switch(three, "A", enabled=False, **WHO)[1] is False
    assert assignments.switch(three, "A", enabled=True, **WHO)[0].enabled
    assert audited(three)[3:] == [("disable", "A"), ("enable", "A")]
    assert order(three) == ["A", "B", "C"]


def test_deleting_closes_the_gap(three: Store):
    assignments.delete(three, "A", **WHO)
    assert order(three) == ["B", "C"]
    assert audited(three)[3:] == [("delete", "A")]


def test_any_moves_keep_the_positions_whole(three: Store):
    simple(three, "D", "score > 4", "Sales")
    moves = st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, 4)), max_size=6)

    @settings(max_examples=15)
    @given(moves)
    def check(steps) -> None:
        expected = order(three)
        for name, position in steps:
            expected.remove(name)
            expected.insert(position - 1, name)
            assignments.move(three, name, position=position, **WHO)
            assert order(three) == expected

    check()
