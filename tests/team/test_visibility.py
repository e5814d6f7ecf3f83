"""What is hidden from whom."""

import pytest

from segctl.catalog import ObjectType
from segctl.errors import NotFound, UsageError
from segctl.services import segments, team_groups, visibility
from segctl.services.segments import show
from segctl.services.visibility import list_hidden, viewer, who_does_not_see
from segctl.store.opening import Store
from tests.engine.workspace import companies, edit, recalc, segment
from tests.team.people import (
    ANNA,
    BEN,
    BY,
    CLEO,
    audit,
    default,
    group,
    hide,
    last_audit,
    member,
    pin,
)


@pytest.fixture
def team(store: Store) -> Store:
    """Anna and Ben in Sales, Cleo a manager in it; two segments."""
    for email, role in ((ANNA, "agent"), (BEN, "agent"), (CLEO, "manager")):
        member(store, email, role=role)
    group(store, "Sales", ANNA, BEN, CLEO)
    segment(store, "Big", "size > 50")
    segment(store, "Small", "size < 50")
    return store


def unseen(store: Store, who: str) -> list[str]:
    """The names of the segments that somebody does not see."""
    with store.read() as session:
        hidden = viewer(session, who).hidden
    return [view.name for view in segments.list_segments(store) if view.id in hidden]


def shown(store: Store, segment: str, *who: str, **more):
    return visibility.show(store, segment, who, **BY, **more)


def test_a_segment_is_hidden_from_a_person(team: Store):
    done = hide(team, "big", ANNA)
    assert (done.segment, done.type, done.changed) == ("Big", ObjectType.COMPANY, (ANNA,))
    assert done.remarks == ()
    assert unseen(team, ANNA) == ["Big"]
    assert unseen(team, BEN) == []


def test_a_segment_is_hidden_from_all_of_a_group_but_managers(team: Store):
    hide(team, "Big", "Sales")
    assert (unseen(team, ANNA), unseen(team, BEN), unseen(team, CLEO)) == (["Big"], ["Big"], [])
    with team.read() as session:
        assert viewer(session, ANNA).hidden == {1: 'the group "Sales"'}
        assert who_does_not_see(session, 1) == [ANNA, BEN]
    team_groups.remove_from_group(team, "Sales", [ANNA], **BY)
    assert unseen(team, ANNA) == []


def test_it_is_said_that_a_manager_goes_on_seeing_it(team: Store):
    assert hide(team, "Big", CLEO).remarks == (f"{CLEO} is a manager and goes on seeing it",)
    assert unseen(team, CLEO) == []


def test_hiding_twice_changes_nothing_and_leaves_no_entry(team: Store):
    hide(team, "Big", ANNA, "Sales")
    entry = last_audit(team)
    assert (entry.action, entry.subject_type, entry.subject) == ("hide", "segment", "company/Big")
    assert (entry.before, entry.after) == ({"hidden_from": []}, {"hidden_from": ["Sales", ANNA]})
    entries = len(audit(team))
    assert hide(team, "Big", ANNA, ANNA).changed == ()
    assert len(audit(team)) == entries


def test_showing_undoes_hiding(team: Store):
    hide(team, "Big", ANNA, "Sales")
    done = shown(team, "Big", "group:Sales")
    assert done.changed == ("Sales",)
    assert (unseen(team, ANNA), unseen(team, BEN)) == (["Big"], [])
    assert last_audit(team).action == "show"
    assert shown(team, "Big", BEN).changed == ()
    hide(team, "Big", "Sales")
    assert shown(team, "Big", everybody=True).changed == ("Sales", ANNA)
    assert list_hidden(team) == []


def test_who_is_in_a_group_that_does_not_see_it_still_does_not(team: Store):
    hide(team, "Big", "Sales")
    assert shown(team, "Big", ANNA).remarks == (
        f'{ANNA} still does not see it: it is hidden from the group "Sales"',
    )


def test_pins_and_the_default_that_do_not_open_any_more_are_told(team: Store):
    pin(team, ANNA, "Big")
    default(team, "company", "Big")
    assert hide(team, "Big", "Sales").remarks == (
        f"{ANNA} has pinned it; the pin is skipped while it is hidden",
        f"it is the shared default of company, hidden from {ANNA}, {BEN}",
    )


def test_the_list_says_from_whom(team: Store):
    hide(team, "Big", "Sales", ANNA)
    hide(team, "Small", BEN)
    rows = [(one.segment, one.who, one.group) for one in list_hidden(team)]
    assert rows == [("Big", "Sales", True), ("Big", ANNA, False), ("Small", BEN, False)]
    assert [one.who for one in list_hidden(team, "small")] == [BEN]
    assert [one.segment for one in list_hidden(team, who=[BEN])] == ["Big", "Small"]
    assert [one.who for one in list_hidden(team, who=["Sales"])] == ["Sales"]
    assert list_hidden(team, type=ObjectType.DEAL) == []


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda store: hide(store, "Big"), UsageError),
        (lambda store: hide(store, "Big", "nobody"), NotFound),
        (lambda store: hide(store, "Big", ANNA, "nobody"), NotFound),
        (lambda store: hide(store, "Nothing", ANNA), NotFound),
        (lambda store: shown(store, "Big"), UsageError),
        (lambda store: shown(store, "Big", ANNA, everybody=True), UsageError),
        (lambda store: list_hidden(store, "Nothing"), NotFound),
    ],
)
def test_bad_words_change_nothing(team: Store, call, error):
    entries = len(audit(team))
    with pytest.raises(error):
        call(team)
    assert list_hidden(team) == []
    assert len(audit(team)) == entries


def test_hidden_segments_are_read_and_recalculated_as_ever(team: Store):
    companies(team, [60])
    segment(team, "Reader", 'in segment "Big"')
    hide(team, "Big", "Sales")
    assert recalc(team)["Reader"].count_after == 1


# ---------------------------------------------------------------- while creating and editing


def test_a_segment_can_be_created_hidden_in_one_entry(team: Store):
    entries = len(audit(team))
    segment(team, "New", "everything", hide_from=["Sales", ANNA])
    assert unseen(team, BEN) == ["New"]
    assert len(audit(team)) == entries + 1
    assert last_audit(team).after["hidden_from"] == ["Sales", ANNA]
    assert show(team, "New").hidden_from == ("Sales", ANNA)


def test_a_segment_that_cannot_be_hidden_is_not_created(team: Store):
    with pytest.raises(NotFound):
        segment(team, "New", "everything", hide_from=["nobody"])
    with pytest.raises(UsageError, match="cannot be hidden from Sales and be shown"):
        segment(team, "New", "everything", hide_from=["Sales"], show_to=["group:sales"])
    assert [view.name for view in segments.list_segments(team)] == ["Big", "Small"]


def test_an_edit_hides_and_shows(team: Store):
    edit(team, "Big", hide_from=[ANNA])
    edit(team, "Big", hide_from=[BEN], show_to=[ANNA], description="d")
    assert show(team, "Big").hidden_from == (BEN,)
    entry = last_audit(team)
    assert entry.before == {"description": "", "hidden_from": [ANNA]}
    assert entry.after == {"description": "d", "hidden_from": [BEN]}
    entries = len(audit(team))
    edit(team, "Big", hide_from=[BEN])
    assert len(audit(team)) == entries
    assert visibility.remarks(team, 1, [CLEO], [BEN]) == (
        f"{CLEO} is a manager and goes on seeing it",
        f"{BEN} still does not see it: it is hidden from {BEN}",
    )


def test_a_deleted_segment_is_hidden_from_nobody(team: Store):
    hide(team, "Big", ANNA)
    segments.delete(team, "Big", **BY)
    assert list_hidden(team) == []
