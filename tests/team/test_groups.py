"""Groups: create, edit, delete, and who is in them."""

import pytest

from segctl.errors import AlreadyExists, InUse, InvalidValue, NotFound, UsageError
from segctl.services import team_groups
from segctl.services.team_groups import list_groups, show_group
from segctl.services.team_members import list_members
from segctl.store.opening import Store
from tests.engine.workspace import segment, sql
from tests.team.people import (
    ANNA,
    BEN,
    BY,
    audit,
    conversation,
    group,
    hide,
    last_audit,
    member,
    rule,
)


@pytest.fixture
def team(store: Store) -> Store:
    member(store, ANNA, name="Anna")
    member(store, BEN)
    return store


def edit(store: Store, ref: str, **more):
    return team_groups.edit_group(store, ref, **BY, **more)


def test_a_group_has_members_and_a_manager(team: Store):
    made = group(team, " Sales ", ANNA, "anna", manager=BEN, strategy="Least-Open", description="d")
    assert (made.name, made.members, made.manager) == ("Sales", (ANNA,), BEN)
    assert (made.strategy, made.description, made.active) == ("least_open", "d", 1)
    entry = last_audit(team)
    assert (entry.action, entry.subject_type, entry.subject) == ("create", "team group", "Sales")


def test_a_member_may_be_in_several_groups(team: Store):
    group(team, "Support", ANNA)
    group(team, "Sales", ANNA)
    assert list_members(team)[0].groups == ("Sales", "Support")
    assert [view.name for view in list_groups(team, member=ANNA)] == ["Sales", "Support"]
    assert list_groups(team, member=BEN) == []


def test_names_are_unique_ignoring_case(team: Store):
    group(team, "Żuk")
    with pytest.raises(AlreadyExists, match='a group "Żuk" already'):
        group(team, "żUK")
    group(team, "Other")
    with pytest.raises(AlreadyExists):
        edit(team, "Other", name="żuk")


@pytest.mark.parametrize(
    ("name", "more", "error"),
    [
        ("  ", {}, InvalidValue),
        ("a\nb", {}, InvalidValue),
        ("Sales", {"strategy": "random"}, InvalidValue),
        ("Sales", {"manager": "nobody"}, NotFound),
        ("Sales", {"description": "\0"}, InvalidValue),
        ("Sales", {"description": "x" * 10_001}, InvalidValue),
    ],
)
def test_bad_values_create_nothing(team: Store, name, more, error):
    with pytest.raises(error):
        group(team, name, **more)
    assert list_groups(team) == []


def test_a_group_with_an_unknown_member_is_not_created(team: Store):
    with pytest.raises(NotFound):
        group(team, "Sales", ANNA, "nobody")
    assert list_groups(team) == []


def test_an_edit_changes_what_is_given(team: Store):
    group(team, "Sales", ANNA, manager=ANNA, strategy="round_robin")
    made, changed = edit(team, "sales", name="SALES", manager="", strategy="", description="new")
    assert (made.name, made.manager, made.strategy, made.description, changed) == (
        *("SALES", None, None, "new"),
        True,
    )
    assert last_audit(team).before == {
        "name": "Sales",
        "manager": ANNA,
        "strategy": "round_robin",
        "description": "",
    }
    assert edit(team, "sales", manager=BEN)[0].manager == BEN
    assert edit(team, "sales", manager=BEN)[1] is False
    with pytest.raises(UsageError, match="nothing to change"):
        edit(team, "sales")


def test_members_come_and_go_and_nothing_changed_leaves_no_entry(team: Store):
    group(team, "Sales", ANNA)
    made, changed = team_groups.add_to_group(team, "Sales", [ANNA, BEN], **BY)
    assert (made.members, changed) == ((ANNA, BEN), True)
    entries = len(audit(team))
    assert team_groups.add_to_group(team, "Sales", [BEN], **BY)[1] is False
    assert len(audit(team)) == entries
    made, changed = team_groups.remove_from_group(team, "Sales", [ANNA], **BY)
    assert (made.members, changed) == ((BEN,), True)
    assert last_audit(team).after == {"members": [BEN]}
    assert team_groups.remove_from_group(team, "Sales", [ANNA], **BY)[1] is False


def test_one_unknown_member_adds_none(team: Store):
    group(team, "Sales")
    with pytest.raises(NotFound):
        team_groups.add_to_group(team, "Sales", [ANNA, "nobody"], **BY)
    assert show_group(team, "Sales").group.members == ()


def test_a_group_that_nothing_names_is_deleted_and_its_members_stay(team: Store):
    group(team, "Sales", ANNA)
    gone = team_groups.delete_group(team, "Sales", **BY)
    assert gone.group.members == (ANNA,)
    assert list_members(team)[0].groups == ()
    assert last_audit(team).action == "delete"


def test_a_group_that_is_named_goes_only_by_force(team: Store):
    sales = group(team, "Sales", ANNA)
    vip = segment(team, "VIP", "everything", type="contact")
    rule(team, vip.id, group=sales.id)
    hide(team, "VIP", "Sales")
    anna = list_members(team)[0].id
    conversation(team, group=sales.id)
    conversation(team, group=sales.id, member=anna)
    with pytest.raises(InUse) as raised:
        team_groups.delete_group(team, "Sales", **BY)
    assert raised.value.fields["used_by"] == [
        'assignment rule 1 (contact "VIP")',
        'contact "VIP", which is hidden from them',
        "2 open conversations",
    ]
    assert "deactivate" not in raised.value.hint
    gone = team_groups.delete_group(team, "Sales", force=True, **BY)
    assert gone.references.clearing[-1] == "takes 2 open conversations away from them"
    assert list_groups(team) == []
    assert sql(team, "SELECT count(*) FROM assignment_rule")[0][0] == 0
    assert sql(team, "SELECT member_id, group_id, assigned_by FROM conversation ORDER BY id") == [
        (None, None, None),
        (anna, None, "rule"),
    ]
