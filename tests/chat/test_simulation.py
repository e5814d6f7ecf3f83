"""Replays: what another order would have done."""

import datetime as dt

import pytest

from segctl.errors import NotFound, UsageError
from segctl.services.conversation_changes import reassign
from segctl.services.simulation import Move, Simulation, simulate
from segctl.store.opening import Store
from tests.chat.chats import WHO, address, chat, contact, deactivate, group, setting, simple, team
from tests.conftest import NOW
from tests.engine.workspace import recalc, sql

DAY = dt.timedelta(days=1)


@pytest.fixture
def played(store: Store) -> Store:
    """Three conversations of the last week, and an older one."""
    team(store, "anna", "ben")
    group(store, "Sales", "ben", strategy="round_robin")
    simple(store, "Rich", "score > 50", address("anna"))
    simple(store, "Polish", 'country = "PL"', "Sales")
    contact(store, "both", score=60, country="PL")
    contact(store, "rich", score=60)
    contact(store, "neither")
    chat(store, "both", at=NOW - 9 * DAY)
    for name in ("both", "rich", "neither"):
        chat(store, name, at=NOW - DAY)
    return store


def replay(store: Store, **more: object) -> Simulation:
    return simulate(store, since=NOW - 7 * DAY, **more)


def test_another_order_moves_who_is_in_both(played: Store):
    found = replay(played, order=["Polish"])
    assert found.order == ["Polish", "Rich"]
    assert (found.replayed, found.gone, found.drifted) == (3, 0, 0)
    assert found.moves == [Move("anna@example.com", "group Sales", 1)]
    (difference,) = found.differences
    assert (difference.contact, difference.before_segment, difference.after_segment) == (
        "both",
        "Rich",
        "Polish",
    )
    before = "SELECT count(*) FROM team_group_turn"
    assert sql(played, before) == [(0,)]


def test_the_present_order_moves_nobody(played: Store):
    assert replay(played, order=["Rich,Polish"]).differences == []
    assert replay(played, order=["Rich", "Polish"]).moves == []


def test_without_a_rule_its_conversations_go_elsewhere(played: Store):
    found = replay(played, without=["Rich"])
    assert sorted(found.moves, key=str) == [
        Move("anna@example.com", "group Sales", 1),
        Move("anna@example.com", None, 1),
    ]


def test_without_options_the_stored_decisions_are_compared(played: Store):
    assert replay(played).differences == []
    sql(played, "UPDATE contact SET score = 1")
    found = replay(played)
    assert found.compared == "the decisions as stored"
    assert sorted(each.contact for each in found.differences) == ["both", "rich"]
    other = replay(played, order=["Polish"])
    assert (other.differences, other.drifted) == ([], 2)


def test_a_reassigned_conversation_is_compared_with_what_the_rules_decided(played: Store):
    (row,) = sql(played, "SELECT id FROM conversation WHERE id = 3")
    reassign(played, f"#{row[0]}", "Sales", **WHO)
    assert replay(played).differences == []


def test_contacts_that_are_gone_are_counted_apart(played: Store):
    sql(played, "DELETE FROM contact WHERE external_id = 'both'")
    found = replay(played, order=["Polish"])
    assert (found.replayed, found.gone, found.moves) == (2, 1, [])


def test_who_cannot_take_it_now_is_passed_over(played: Store):
    deactivate(played, "ben")
    assert replay(played, order=["Polish"]).moves == []


def test_stored_members_are_those_of_now(played: Store):
    recalc(played)
    setting(played, "assignment_source", "stored")
    assert replay(played, order=["Polish"]).moves == [Move("anna@example.com", "group Sales", 1)]


def test_rules_that_cannot_be_meant_are_refused(played: Store):
    for options in ({"order": ["Rich", "Rich"]}, {"order": ["Rich"], "without": ["Rich"]}):
        with pytest.raises(UsageError):
            replay(played, **options)
    for options in ({"order": ["No such"]}, {"without": ["Rich,Polish"]}, {"order": ["Rich,x"]}):
        with pytest.raises(NotFound):
            replay(played, **options)
