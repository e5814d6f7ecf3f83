"""Defaults, pins, and which view opens."""

import threading

import pytest

from segctl.catalog import ObjectType
from segctl.errors import InUse, NotFound, SegctlError, UsageError
from segctl.services import defaults, pins, segments, team_members
from segctl.services.defaults import list_defaults
from segctl.services.opening_view import open_view, opening_view
from segctl.services.pins import list_pins
from segctl.services.seen_segments import list_as, overview_as
from segctl.services.segment_uses import find_uses
from segctl.store.opening import Store, open_store
from tests.engine.workspace import add, recalc, segment, sql
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
    rule,
)

DEAL, COMPANY = ObjectType.DEAL, ObjectType.COMPANY


@pytest.fixture
def team(store: Store) -> Store:
    member(store, ANNA)
    member(store, BEN)
    member(store, CLEO, role="manager")
    group(store, "Sales", ANNA)
    segment(store, "Big", "value > 50", type="deal")
    segment(store, "Small", "value < 50", type="deal")
    segment(store, "All", "everything", type="deal")
    segment(store, "Firms", "everything")
    return store


# ---------------------------------------------------------------- defaults


def test_a_type_has_one_shared_default(team: Store):
    made, before = defaults.set_default(team, DEAL, "big", **BY)
    assert (made.segment, made.hidden_from, before) == ("Big", (), None)
    assert defaults.set_default(team, DEAL, "Small", **BY)[1] == "Big"
    default(team, "company", "Firms")
    assert [(one.type, one.segment) for one in list_defaults(team)] == [
        (COMPANY, "Firms"),
        (DEAL, "Small"),
    ]
    entry = audit(team)[-2]
    assert (entry.action, entry.subject_type, entry.subject) == ("set", "default", "deal")
    assert (entry.before, entry.after) == ("Big", "Small")


def test_setting_or_clearing_again_changes_nothing(team: Store):
    default(team, "deal", "Big")
    entries = len(audit(team))
    assert defaults.set_default(team, DEAL, "Big", **BY)[1] == "Big"
    assert len(audit(team)) == entries
    assert defaults.clear_default(team, DEAL, **BY) == "Big"
    assert last_audit(team).action == "clear"
    assert defaults.clear_default(team, DEAL, **BY) is None
    assert len(audit(team)) == entries + 1


def test_those_from_whom_the_default_is_hidden_are_named(team: Store):
    hide(team, "Big", "Sales", BEN, CLEO)
    assert default(team, "deal", "Big").hidden_from == (ANNA, BEN)
    team_members.set_active(team, BEN, False, **BY)
    assert list_defaults(team)[0].hidden_from == (ANNA,)
    assert list_defaults(team, as_=ANNA) == []
    assert len(list_defaults(team, as_=CLEO)) == 1


def test_a_default_is_of_its_type(team: Store):
    with pytest.raises(NotFound):
        default(team, "company", "Big")
    assert list_defaults(team) == []


# ---------------------------------------------------------------- pins


def test_a_pin_is_of_a_person_and_a_type_and_another_replaces_it(team: Store):
    done = pin(team, "anna@EXAMPLE.com", "big")
    assert (done.email, done.type, done.segment, done.before) == (ANNA, DEAL, "Big", None)
    pin(team, ANNA, "Firms")
    pin(team, BEN, "Big")
    assert pin(team, ANNA, "Small").before == "Big"
    rows = [(one.email, one.type, one.segment) for one in list_pins(team).pins]
    assert rows == [(ANNA, COMPANY, "Firms"), (ANNA, DEAL, "Small"), (BEN, DEAL, "Big")]
    entry = last_audit(team)
    assert (entry.action, entry.subject_type, entry.subject) == ("set", "pin", f"{ANNA}/deal")
    assert (entry.before, entry.after) == ("Big", "Small")
    assert [one.segment for one in list_pins(team, type=DEAL).pins] == ["Small", "Big"]


def test_pinning_it_again_leaves_no_entry(team: Store):
    pin(team, ANNA, "Big")
    entries = len(audit(team))
    assert pin(team, ANNA, "Big").before == "Big"
    assert len(audit(team)) == entries


def test_what_is_hidden_cannot_be_pinned(team: Store):
    hide(team, "Big", "Sales")
    pin(team, ANNA, "Small")
    with pytest.raises(UsageError, match='hidden from the group "Sales"'):
        pin(team, ANNA, "Big")
    assert [one.segment for one in list_pins(team).pins] == ["Small"]
    hide(team, "Big", CLEO)
    assert pin(team, CLEO, "Big").segment == "Big"


@pytest.mark.parametrize(
    ("who", "segment", "error"),
    [
        ("nobody", "Big", NotFound),
        (ANNA, "Nothing", NotFound),
        ("Twin", "Big", UsageError),
    ],
)
def test_pins_of_nobody_nothing_and_one_of_two_are_refused(team: Store, who, segment, error):
    member(team, "t1@example.com", name="Twin")
    member(team, "t2@example.com", name="twin")
    entries = len(audit(team))
    with pytest.raises(error):
        pin(team, who, segment)
    assert list_pins(team).pins == ()
    assert len(audit(team)) == entries


def test_a_name_of_two_types_needs_the_type(team: Store):
    segment(team, "Big", "size > 5")
    with pytest.raises(UsageError, match="segments"):
        pin(team, ANNA, "Big")
    assert pin(team, ANNA, "Big", type=COMPANY).type == COMPANY
    with pytest.raises(NotFound):
        pin(team, ANNA, "Big", type=ObjectType.TASK)


def test_pins_are_cleared_of_a_type_or_all(team: Store):
    pin(team, ANNA, "Big")
    pin(team, ANNA, "Firms")
    pin(team, BEN, "Big")

    def clear(**more):
        return [one.segment for one in pins.clear_pins(team, as_=ANNA, **BY, **more)]

    assert clear(type=DEAL) == ["Big"]
    assert (last_audit(team).action, last_audit(team).before) == ("clear", "Big")
    assert clear(type=DEAL) == []
    assert clear() == ["Firms"]
    assert [one.email for one in list_pins(team).pins] == [BEN]


def test_a_pin_whose_segment_was_hidden_is_not_listed_to_its_owner(team: Store):
    pin(team, ANNA, "Big")
    pin(team, ANNA, "Firms")
    hide(team, "Big", ANNA, "Sales")
    assert [(one.segment, one.hidden) for one in list_pins(team).pins] == [
        ("Firms", False),
        ("Big", True),
    ]
    mine = list_pins(team, as_=ANNA)
    assert ([one.segment for one in mine.pins], mine.unseen) == (["Firms"], 1)


def test_many_who_pin_at_once_leave_one_pin(team: Store):
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with open_store(team.url) as mine:
                for _ in range(5):
                    pin(mine, ANNA, name)
                    default(mine, "deal", name)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in ("Big", "Small", "All") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sql(team, "SELECT count(*) FROM pin")[0][0] == 1
    assert len(list_defaults(team)) == 1


# ---------------------------------------------------------------- which view opens


def opens(store: Store, as_: str | None = None, type: ObjectType = DEAL):
    view = opening_view(store, type, as_=as_)
    return (view.chosen, view.segment.name if view.segment else None)


def test_pin_then_default_then_all(team: Store):
    assert opens(team) == opens(team, ANNA) == ("all", None)
    assert opening_view(team, DEAL).why.endswith("there is no shared default of deal")
    assert "has pinned none" in opening_view(team, DEAL, as_=ANNA).why
    default(team, "deal", "All")
    pin(team, ANNA, "Big")
    assert opens(team, ANNA) == ("pin", "Big")
    assert opens(team, BEN) == opens(team) == ("default", "All")
    assert opens(team, ANNA, COMPANY) == ("all", None)
    assert opening_view(team, DEAL, as_=ANNA).why == f'"Big" is pinned by {ANNA}'
    assert opening_view(team, DEAL).why == '"All" is the shared default of deal'


def test_what_is_hidden_is_skipped_and_it_is_said(team: Store):
    default(team, "deal", "All")
    pin(team, ANNA, "Big")
    hide(team, "Big", ANNA)
    view = opening_view(team, DEAL, as_=ANNA)
    assert (view.chosen, len(view.skipped)) == ("default", 1)
    assert view.skipped[0].startswith(f'"Big", pinned by {ANNA}, is skipped: it is hidden from')
    hide(team, "All", "Sales")
    view = opening_view(team, DEAL, as_=ANNA)
    assert (view.chosen, view.segment, view.why) == ("all", None, "all deals are shown")
    assert view.skipped[1].endswith('it is hidden from the group "Sales"')
    assert opens(team) == ("default", "All")


def test_a_manager_sees_what_is_hidden(team: Store):
    default(team, "deal", "All")
    hide(team, "All", CLEO)
    assert opens(team, CLEO) == ("default", "All")


def test_the_records_of_the_view_are_its_members_as_last_counted(team: Store):
    ids = add(team, "deal", [{"name": "a", "value": 60}, {"name": "b", "value": 10}])
    pin(team, ANNA, "Big")
    recalc(team)
    [later] = add(team, "deal", [{"name": "c", "value": 70}])

    def records(as_: str | None, **more):
        with open_view(team, DEAL, as_=as_, **more) as found:
            return list(found.rows)

    assert [row["id"] for row in records(ANNA)] == [ids[0]]
    assert records(ANNA, columns=["name", "value"]) == [{"id": ids[0], "name": "a", "value": 60.0}]
    assert [row["id"] for row in records(None)] == [*ids, later]
    assert len(records(BEN, limit=2)) == 2


def test_a_view_that_was_never_counted_says_so_and_how(team: Store):
    pin(team, ANNA, "Big")
    with (
        pytest.raises(SegctlError, match="never counted") as raised,
        open_view(team, DEAL, as_=ANNA),
    ):
        pass
    assert raised.value.hint == 'segctl recalc "Big" --type deal'


def test_who_was_deactivated_can_still_be_looked_over_the_shoulder(team: Store):
    team_members.set_active(team, ANNA, False, **BY)
    assert pin(team, ANNA, "Big").active is False
    assert opening_view(team, DEAL, as_=ANNA).active is False
    assert list_as(team, ANNA).active is False


# ---------------------------------------------------------------- listings


def test_a_listing_starts_with_pins_and_defaults(team: Store):
    pin(team, ANNA, "Small")
    pin(team, ANNA, "Firms")
    default(team, "deal", "Big")
    default(team, "company", "Firms")
    seen = list_as(team, ANNA)
    assert [(s.view.name, s.mark) for s in seen.segments] == [
        ("Firms", "pinned"),
        ("Small", "pinned"),
        ("Big", "default"),
        ("All", None),
    ]
    assert (seen.segments[0].pinned, seen.segments[0].default) == (True, True)
    assert [s.view.name for s in list_as(team, BEN, DEAL).segments] == ["Big", "All", "Small"]


def test_a_listing_lacks_what_is_hidden(team: Store):
    hide(team, "Small", "Sales")
    seen = list_as(team, ANNA)
    assert ([s.view.name for s in seen.segments], seen.hidden) == (["Firms", "All", "Big"], 1)
    assert (len(list_as(team, CLEO).segments), list_as(team, BEN).hidden) == (4, 0)


def test_an_overview_keeps_the_types_together(team: Store):
    pin(team, ANNA, "Small")
    assert [s.view.name for s in overview_as(team, ANNA).segments] == [
        *("Firms", "Small", "All", "Big")
    ]


# ---------------------------------------------------------------- deleting segments


def test_a_segment_that_the_team_uses_goes_only_by_force(team: Store):
    vip = segment(team, "VIP", "everything", type="contact")
    other = segment(team, "Other", "everything", type="contact")
    segment(team, "Reader", 'in segment "VIP"', type="contact")
    sales = sql(team, "SELECT id FROM team_group")[0][0]
    rule(team, vip.id, 1, group=sales)
    rule(team, other.id, 2, group=sales)
    pin(team, ANNA, "VIP")
    pin(team, BEN, "VIP")
    default(team, "contact", "VIP")
    used_by = [
        "Reader",
        f"the pin of {ANNA}",
        f"the pin of {BEN}",
        "the shared default of contact",
        "assignment rule 1, to Sales",
    ]
    for refuse in (
        lambda: segments.delete(team, "VIP", **BY),
        lambda: segments.check_unused(team, "VIP"),
    ):
        with pytest.raises(InUse) as raised:
            refuse()
        assert raised.value.fields["used_by"] == used_by
    assert find_uses(team, "VIP").texts == used_by[1:]
    segments.delete(team, "VIP", force=True, **BY)
    assert (list_pins(team).pins, list_defaults(team)) == ((), [])
    assert sql(team, "SELECT position, segment_id FROM assignment_rule") == [(1, other.id)]
    entry = last_audit(team)
    assert entry.before["pinned_by"] == [ANNA, BEN]
    assert entry.before["default_of"] == "contact"
    assert entry.before["assignment_rule"] == {"position": 1, "to": "Sales"}


def test_a_segment_that_only_is_pinned_says_only_that(team: Store):
    pin(team, ANNA, "Big")
    with pytest.raises(InUse) as raised:
        segments.delete(team, "Big", **BY)
    assert "recalculation" not in raised.value.hint
    assert raised.value.exit_code == 4


def test_the_details_of_a_segment_tell_what_the_team_made_of_it(team: Store):
    pin(team, ANNA, "Big")
    hide(team, "Big", BEN)
    details = segments.show(team, "Big")
    assert (details.uses.pinned_by, details.uses.default_of) == ((ANNA,), None)
    assert details.hidden_from == (BEN,)
    assert not segments.show(team, "Small").uses
