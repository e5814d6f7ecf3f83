"""Finding people and groups by what they are called."""

import pytest

from segctl.errors import NotFound, UsageError
from segctl.services import team_members
from segctl.services.people import called, find_assignee, find_group, find_member
from segctl.store.opening import Store
from tests.team.people import ANNA, BEN, BY, group, member


@pytest.fixture
def team(store: Store) -> Store:
    member(store, ANNA, name="Anna Łiś")
    member(store, BEN, name="Ben")
    group(store, "Sales")
    return store


@pytest.mark.parametrize("ref", ["anna@example.com", " ANNA@Example.COM ", "anna łiś", "#1", "1"])
def test_a_team_member_is_found_by_address_name_or_id(team: Store, ref: str):
    with team.read() as session:
        assert find_member(session, ref).email == ANNA


def test_who_was_deactivated_is_found_and_flagged(team: Store):
    team_members.set_active(team, ANNA, False, **BY)
    with team.read() as session:
        assert find_member(session, ANNA).active is False


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("ana@example.com", 'did you mean "anna@example.com"?'),
        ("Bem", 'did you mean "Ben"?'),
        ("łiś", 'did you mean "Anna Łiś"?'),
        ("#99", "segctl team members list"),
        ("", "segctl team members list"),
        ("#", "segctl team members list"),
        ("9" * 30, "segctl team members list"),
    ],
)
def test_somebody_unknown_is_not_found_and_the_nearest_is_named(team: Store, ref: str, hint: str):
    with team.read() as session, pytest.raises(NotFound) as raised:
        find_member(session, ref)
    assert raised.value.hint.startswith(hint)


def test_a_name_that_two_have_is_ambiguous(team: Store):
    member(team, "other@example.com", name="ben")
    with team.read() as session:
        with pytest.raises(UsageError) as raised:
            find_member(session, "Ben")
        assert raised.value.hint == "name one by address: ben@example.com, other@example.com"
        assert find_member(session, BEN).email == BEN


def test_a_number_can_be_a_name(team: Store):
    member(team, "two@example.com", name="1")
    with team.read() as session:
        assert find_member(session, "1").email == "two@example.com"
        assert find_member(session, "#1").email == ANNA


@pytest.mark.parametrize("ref", ["sales", " SALES", "#1", "1"])
def test_a_group_is_found_by_name_or_id(team: Store, ref: str):
    with team.read() as session:
        assert find_group(session, ref).name == "Sales"


def test_an_unknown_group_is_not_found(team: Store):
    with team.read() as session:
        with pytest.raises(NotFound) as raised:
            find_group(session, "Sale")
        assert raised.value.hint == 'did you mean "Sales"?'
        with pytest.raises(NotFound, match="there is no group"):
            find_group(session, "#7")


def test_an_assignee_is_a_team_member_or_a_group(team: Store):
    with team.read() as session:
        assert called(find_assignee(session, "ben")) == BEN
        assert called(find_assignee(session, "sales")) == "Sales"


def test_an_assignee_that_could_be_both_is_ambiguous_until_said_which(team: Store):
    group(team, "Ben")
    with team.read() as session:
        with pytest.raises(UsageError, match="is a team member and a group") as raised:
            find_assignee(session, "ben")
        assert raised.value.hint == 'write "member:ben" or "group:ben"'
        assert called(find_assignee(session, "Member:ben")) == BEN
        assert called(find_assignee(session, "group: ben")) == "Ben"


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("Bem", 'did you mean "Ben"?'),
        ("Salez", 'did you mean "Sales"?'),
        ("xyz", "segctl team members list, segctl team groups list"),
    ],
)
def test_an_unknown_assignee_is_not_found(team: Store, ref: str, hint: str):
    with team.read() as session, pytest.raises(NotFound) as raised:
        find_assignee(session, ref)
    assert raised.value.hint == hint
