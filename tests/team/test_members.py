"""Team members: add, edit, deactivate, remove."""

import pytest

from segctl.catalog import ObjectType
from segctl.errors import AlreadyExists, InUse, InvalidValue, NotFound, UsageError
from segctl.services import team_groups, team_members
from segctl.services.team_members import list_members, show_member
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import add, segment, sql
from tests.team.people import (
    ANNA,
    BEN,
    BY,
    CLEO,
    audit,
    conversation,
    group,
    hide,
    last_audit,
    member,
    pin,
    rule,
)


def edit(store: Store, ref: str, **more):
    return team_members.edit_member(store, ref, **BY, **more)


def remove(store: Store, ref: str, **more):
    return team_members.remove_member(store, ref, **BY, **more)


# ---------------------------------------------------------------- add and list


def test_a_new_member_is_an_active_agent(store: Store):
    made = member(store, " Anna@Example.COM ", name=" Anna Lis ")
    assert (made.email, made.name, made.role, made.active) == (ANNA, "Anna Lis", "agent", True)
    assert (made.groups, made.created_at) == ((), NOW)
    entry = last_audit(store)
    assert (entry.action, entry.subject_type, entry.subject) == ("add", "team member", ANNA)
    assert entry.after["role"] == "agent"


def test_a_new_member_can_be_in_groups(store: Store):
    group(store, "Sales")
    group(store, "Support")
    made = member(store, ANNA, role="MANAGER", groups=["support", "Sales", "sales"])
    assert (made.role, made.groups) == ("manager", ("Sales", "Support"))


def test_an_address_is_taken_once(store: Store):
    member(store, ANNA)
    with pytest.raises(AlreadyExists) as raised:
        member(store, "ANNA@example.com")
    assert raised.value.hint == f"segctl team members edit {ANNA}"
    assert len(audit(store)) == 1


@pytest.mark.parametrize(
    "email",
    [
        *("", "  ", "anna", "@example.com", "anna@", "a b@example.com", "a@b@c", "a,b@c.de"),
        *("a@b..de", "x" * 250 + "@a.de", "<a@b.de>", "a\x1b@b.de", "member:a@b.de"),
    ],
)
def test_what_is_no_address_is_refused(sqlite_store: Store, email: str):
    with pytest.raises(InvalidValue):
        member(sqlite_store, email)
    assert list_members(sqlite_store) == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"role": "boss"}, InvalidValue),
        ({"name": "a\x07"}, InvalidValue),
        ({"name": "x" * 201}, InvalidValue),
        ({"groups": ["Nobody"]}, NotFound),
    ],
)
def test_other_bad_values_add_nobody(store: Store, more, error):
    with pytest.raises(error):
        member(store, ANNA, **more)
    assert list_members(store) == []
    assert audit(store) == []


def test_the_list_can_be_of_a_group_a_role_or_the_active(store: Store):
    group(store, "Sales")
    member(store, CLEO, role="manager")
    member(store, ANNA, groups=["Sales"])
    member(store, BEN)
    team_members.set_active(store, BEN, False, **BY)

    def emails(**more):
        return [view.email for view in list_members(store, **more)]

    assert emails() == [ANNA, BEN, CLEO]
    assert emails(group="sales") == [ANNA]
    assert emails(role="manager") == [CLEO]
    assert emails(active=False) == [BEN]
    assert emails(active=True) == [ANNA, CLEO]


# ---------------------------------------------------------------- edit and deactivate


def test_an_edit_changes_what_is_given(store: Store):
    member(store, ANNA, name="Anna")
    done = edit(store, "anna", role="manager")
    assert (done.member.name, done.member.role, done.changed) == ("Anna", "manager", True)
    entry = last_audit(store)
    assert (entry.before, entry.after) == ({"role": "agent"}, {"role": "manager"})


def test_an_edit_that_changes_nothing_leaves_no_entry(store: Store):
    member(store, ANNA, name="Anna")
    assert edit(store, ANNA, name="Anna", email="ANNA@example.com").changed is False
    assert len(audit(store)) == 1
    with pytest.raises(UsageError, match="nothing to change"):
        edit(store, ANNA)


def test_another_address_leaves_the_records_alone_and_counts_them(store: Store):
    member(store, ANNA)
    add(store, "deal", [{"name": "D", "assignee": "Anna@example.com"}, {"name": "E"}])
    done = edit(store, ANNA, email="lis@example.com", name="Anna Lis")
    assert (done.old_email, done.member.email) == (ANNA, "lis@example.com")
    assert done.left_behind == {ObjectType.DEAL: 1}
    assert last_audit(store).subject == ANNA


def test_an_address_of_somebody_else_is_refused(store: Store):
    member(store, ANNA)
    member(store, BEN)
    with pytest.raises(AlreadyExists):
        edit(store, ANNA, email=BEN)
    assert [view.email for view in list_members(store)] == [ANNA, BEN]


def test_deactivating_keeps_everything_and_is_done_once(store: Store):
    group(store, "Sales")
    member(store, ANNA, groups=["Sales"])
    details, changed = team_members.set_active(store, ANNA, False, **BY)
    assert (details.member.active, details.member.groups, changed) == (False, ("Sales",), True)
    assert team_members.set_active(store, ANNA, False, **BY)[1] is False
    assert team_members.set_active(store, ANNA, True, **BY)[1] is True
    assert [entry.action for entry in audit(store)][-2:] == ["deactivate", "activate"]


# ---------------------------------------------------------------- remove


def test_nobody_is_missed_who_is_named_nowhere(store: Store):
    member(store, ANNA)
    assert not remove(store, ANNA).references
    assert list_members(store) == []
    entry = last_audit(store)
    assert (entry.action, "cleared" in entry.before) == ("remove", False)


@pytest.fixture
def entangled(store: Store) -> Store:
    """Anna is named everywhere, and Ben beside her."""
    anna, ben = member(store, ANNA), member(store, BEN)
    group(store, "Sales", ANNA, BEN, manager=ANNA)
    sales = team_groups.show_group(store, "Sales").group.id
    vip = segment(store, "VIP", "everything", type="contact").id
    new = segment(store, "New", "everything", type="contact").id
    segment(store, "Big", "value > 5", type="deal")
    segment(store, "Small", "value < 5", type="deal")
    rule(store, vip, 1, member=anna.id)
    rule(store, new, 2, member=ben.id)
    pin(store, ANNA, "Big")
    pin(store, BEN, "Big")
    hide(store, "Small", ANNA, BEN)
    conversation(store, member=anna.id)
    conversation(store, member=anna.id, group=sales)
    conversation(store, member=anna.id, closed=True)
    conversation(store, member=ben.id)
    for type in ("contact", "company", "deal", "task", "ticket"):
        add(store, type, [{"name": "x", "assignee": a} for a in (ANNA, "Anna@Example.com", BEN)])
    return store


USED_BY = [
    'the pin of deal "Big"',
    'assignment rule 1 (contact "VIP")',
    'the group "Sales"',
    'the group "Sales", as its manager',
    'deal "Small", which is hidden from them',
    "2 open conversations",
    "1 closed conversation",
    "2 contacts",
    "2 companies",
    "2 deals",
    "2 tasks",
    "2 tickets",
]


def test_somebody_who_is_named_is_not_removed_and_it_is_said_by_what(entangled: Store):
    entries = len(audit(entangled))
    with pytest.raises(InUse) as raised:
        remove(entangled, ANNA)
    assert raised.value.exit_code == 4
    assert raised.value.fields["used_by"] == USED_BY
    assert raised.value.fields["references"]["assigned_records"]["deal"] == 2
    assert "deactivate" in raised.value.hint
    assert len(list_members(entangled)) == 2
    assert len(audit(entangled)) == entries
    assert show_member(entangled, ANNA).references.used_by == USED_BY


def test_force_clears_exactly_what_named_them(entangled: Store):
    entries = len(audit(entangled))
    gone = remove(entangled, ANNA, force=True)
    assert len(gone.references.clearing) == len(USED_BY)
    assert [view.email for view in list_members(entangled)] == [BEN]

    def count(of: str) -> int:
        return sql(entangled, f"SELECT count(*) FROM {of}")[0][0]

    ben = list_members(entangled)[0].id
    assert sql(entangled, "SELECT member_id FROM pin") == [(ben,)]
    assert sql(entangled, "SELECT position, member_id FROM assignment_rule") == [(1, ben)]
    assert sql(entangled, "SELECT member_id FROM hidden_segment") == [(ben,)]
    assert sql(entangled, "SELECT member_id FROM team_group_member") == [(ben,)]
    assert sql(entangled, "SELECT manager_id FROM team_group") == [(None,)]
    assert sql(
        entangled,
        "SELECT member_id, group_id IS NULL, closed_at IS NULL, assigned_by FROM conversation "
        "ORDER BY id",
    ) == [
        (None, True, True, None),
        (None, False, True, "rule"),
        (None, True, False, "rule"),
        (ben, True, True, "rule"),
    ]
    for type in ("contact", "company", "deal", "task", "ticket"):
        assert count(f"{type} WHERE assignee IS NULL AND updated_at IS NOT NULL") == 2
        assert count(f"{type} WHERE assignee = '{BEN}'") == 1
    assert len(audit(entangled)) == entries + 1
    entry = last_audit(entangled)
    assert entry.before["cleared"]["pins"] == ['deal "Big"']
    assert entry.before["cleared"]["assigned_records"]["ticket"] == 2


def test_records_that_lose_their_assignee_leave_a_trace(entangled: Store):
    before = sql(entangled, "SELECT max(id) FROM trace")[0][0]
    remove(entangled, ANNA, force=True)
    types = sql(
        entangled, "SELECT DISTINCT object_type FROM trace WHERE id > :before", before=before
    )
    assert {row[0] for row in types} == {"contact", "company", "deal", "task", "ticket"}


def test_an_unknown_member_is_not_removed(store: Store):
    with pytest.raises(NotFound):
        remove(store, ANNA)
