"""Which rule decides, and what the trace says of the others."""

import datetime as dt

import pytest

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import NotFound
from segctl.services import (
    assignments,
    attributes,
    conversation_changes,
    segments,
    team_groups,
)
from segctl.services.assignment_trial import try_contact
from segctl.services.decision_rules import RuleCache, load_rules
from segctl.store.opening import Store
from tests.chat.chats import (
    WHO,
    address,
    chat,
    contact,
    contact_segment,
    deactivate,
    group,
    results,
    rule,
    setting,
    simple,
    team,
)
from tests.conftest import NOW
from tests.engine.workspace import add, edit, recalc, segment, sql

VIP = Attribute(ObjectType.CONTACT, "vip", ValueType.BOOLEAN, standard=False)


@pytest.fixture
def staffed(store: Store) -> Store:
    team(store, "anna", "ben")
    group(store, "Sales", "ben")
    return store


def test_the_first_rule_that_matches_wins(staffed: Store):
    simple(staffed, "Rich", "score > 50", address("anna"))
    simple(staffed, "Known", "score > 10", address("ben"))
    simple(staffed, "All", "everything", "Sales")
    contact(staffed, "c", score=30)
    opened = chat(staffed, "c")
    view = opened.conversation
    assert (view.member, view.group, view.segment) == (address("ben"), None, "Known")
    assert (view.assigned_by, view.assigned_at, view.source) == ("rule", NOW, "live")
    assert results(opened) == [("Rich", "not matched"), ("Known", "matched")]
    assert view.trace[0]["reason"] == "not true: score > 50"


def test_no_match_stays_unassigned_visibly(staffed: Store):
    simple(staffed, "Rich", "score > 50", address("anna"))
    contact(staffed, "c")
    view = chat(staffed, "c").conversation
    assert not view.assigned
    assert (view.rule_id, view.assigned_at, view.assigned_by) == (None, None, None)


def test_live_judges_a_visitor_on_what_is_known_now(staffed: Store):
    simple(staffed, "Rich", "score > 50", address("anna"))
    recalc(staffed)
    contact(staffed, "new", score=99)
    assert chat(staffed, "new").conversation.member == address("anna")


def test_stored_goes_by_the_members_as_counted(staffed: Store):
    simple(staffed, "Rich", "score > 50", address("anna"))
    contact(staffed, "old", score=99)
    recalc(staffed)
    contact(staffed, "new", score=99)
    setting(staffed, "assignment_source", "stored")
    old, new = chat(staffed, "old"), chat(staffed, "new")
    assert old.conversation.member == address("anna")
    assert old.conversation.source == "stored"
    (step,) = old.conversation.trace
    assert step["stored_members"][0]["segment"] == "Rich"
    assert not new.conversation.assigned
    assert new.conversation.trace[0]["reason"] == "the contact is no stored member"


def test_stored_skips_a_segment_that_was_never_counted(staffed: Store):
    simple(staffed, "Rich", "score > 50", address("anna"))
    contact(staffed, "c", score=99)
    setting(staffed, "assignment_source", "stored")
    opened = chat(staffed, "c")
    assert not opened.conversation.assigned
    assert [step["reason"] for step in opened.skipped] == ["its segment was never counted"]


def test_the_clock_is_that_of_the_conversation(staffed: Store):
    simple(staffed, "Fresh", "last_seen_at in last 2 days", address("anna"))
    contact(staffed, "c", last_seen_at=NOW - dt.timedelta(days=10))
    assert not chat(staffed, "c").conversation.assigned
    then = chat(staffed, "c", at=NOW - dt.timedelta(days=9)).conversation
    assert then.assigned
    assert then.opened_at == then.assigned_at == NOW - dt.timedelta(days=9)


def test_events_and_companies_take_part(staffed: Store):
    acme, small = add(staffed, "company", [{"size": 500}, {"size": 2}])
    simple(staffed, "Buyers", 'event "purchase" at least 2 times in last 30 days', address("anna"))
    simple(staffed, "Large", "company.size > 100", address("ben"))
    buyer = contact(staffed, "buyer", company_id=acme)
    contact(staffed, "employee", company_id=acme)
    contact(staffed, "other", company_id=small)
    add(
        staffed,
        "event",
        [
            {"name": name, "occurred_at": NOW - dt.timedelta(days=n), "contact_id": buyer}
            for n, name in enumerate(["purchase", "login", "purchase"])
        ],
    )
    found = [chat(staffed, name).conversation.segment for name in ("buyer", "employee", "other")]
    assert found == ["Buyers", "Large", None]


def test_conditions_that_ask_for_any_event_see_all_of_them(staffed: Store):
    simple(staffed, "Logged in", 'event "login"', address("anna"))
    simple(staffed, "Active", "count(events) >= 2", address("ben"))
    someone = contact(staffed, "c")
    rows = [{"name": n, "occurred_at": NOW, "contact_id": someone} for n in ("a", "b")]
    add(staffed, "event", rows)
    assert chat(staffed, "c").conversation.segment == "Active"


# ---------------------------------------------------------------- references


def test_references_to_contact_segments_are_live_too(staffed: Store):
    contact_segment(staffed, "Scored", "score > 50")
    contact_segment(staffed, "Polish", 'in segment "Scored" and country = "PL"')
    contact_segment(staffed, "Nobody", "score > 1000")
    where = 'in segment "Polish" and not in segment "Nobody"'
    simple(staffed, "Chain", where, address("anna"))
    contact(staffed, "c", score=60, country="PL")  # no segment was ever counted
    opened = chat(staffed, "c")
    assert opened.conversation.member == address("anna")
    assert "stored_members" not in opened.conversation.trace[0]


def test_a_long_chain_of_references_is_no_problem(staffed: Store):
    contact_segment(staffed, "S0", "score > 50")
    for n in range(1, 60):
        contact_segment(staffed, f"S{n}", f'in segment "S{n - 1}" and in segment "S{n - 1}"')
    rule(staffed, "S59", address("anna"))
    contact(staffed, "c", score=60)
    assert chat(staffed, "c").conversation.assigned


def test_references_through_a_relation_are_stored_members_of_an_age(staffed: Store):
    (acme,) = add(staffed, "company", [{"size": 500}])
    segment(staffed, "Large", "size > 100")
    recalc(staffed, now=NOW - dt.timedelta(hours=3))
    simple(staffed, "At large", 'company in segment "Large"', address("anna"))
    contact(staffed, "c", company_id=acme)
    sql(staffed, "UPDATE company SET size = 1")  # not seen before it is counted again
    step = chat(staffed, "c").conversation.trace[0]
    assert step["result"] == "matched"
    (counted,) = step["stored_members"]
    assert (counted["type"], counted["segment"]) == ("company", "Large")
    assert counted["age"] >= 0
    assert counted["counted_at"].endswith("Z")


def test_a_contact_met_through_a_relation_is_a_stored_member_or_none(staffed: Store):
    contact_segment(staffed, "Scored", "score > 50")
    (acme,) = add(staffed, "company", [{}])
    contact(staffed, "c", score=60, company_id=acme)
    recalc(staffed)
    sql(staffed, "UPDATE contact SET score = 1")
    where = 'any company.contacts (in segment "Scored") and not in segment "Scored"'
    simple(staffed, "Both", where, address("anna"))
    assert chat(staffed, "c").conversation.assigned


def test_a_reference_that_was_never_counted_skips_the_rule(staffed: Store):
    segment(staffed, "Large", "size > 100")
    simple(staffed, "At large", 'company in segment "Large"', address("anna"))
    simple(staffed, "All", "everything", address("ben"))
    contact(staffed, "c")
    opened = chat(staffed, "c")
    assert opened.conversation.segment == "All"
    (step,) = opened.skipped
    assert step["reason"] == 'the company segment "Large", which it reads, was never counted'


def test_a_reference_that_fails_is_read_as_it_was_and_said_so(staffed: Store):
    (acme,) = add(staffed, "company", [{"size": 500}])
    segment(staffed, "Large", "size > 100")
    recalc(staffed)
    sql(staffed, "UPDATE segment_state SET last_error = 'disk full'")
    simple(staffed, "At large", 'company in segment "Large"', address("anna"))
    contact(staffed, "c", company_id=acme)
    step = chat(staffed, "c").conversation.trace[0]
    assert (step["result"], step["stored_members"][0]["error"]) == ("matched", "disk full")


# ---------------------------------------------------------------- rules that cannot


def test_a_condition_that_can_no_longer_be_read_is_skipped_with_the_reason(staffed: Store):
    attributes.add_all(staffed, [VIP], now=NOW, actor="tester")
    contact_segment(staffed, "Vip", "vip")
    simple(staffed, "Reads vip", 'in segment "Vip" and score > 1', address("anna"))
    rule(staffed, "Vip", address("anna"))
    simple(staffed, "All", "everything", address("ben"))
    contact(staffed, "c", score=9)
    attributes.drop(staffed, VIP.type, VIP.name, force=True, **WHO)
    opened = chat(staffed, "c")
    assert results(opened) == [
        ("Reads vip", "skipped"),
        ("Vip", "skipped"),
        ("All", "matched"),
    ]
    assert all("can no longer be read" in step["reason"] for step in opened.skipped)


def test_disabled_rules_are_passed_over(staffed: Store):
    simple(staffed, "Off", "everything", address("anna"), enabled=False)
    simple(staffed, "All", "everything", address("ben"))
    contact(staffed, "c")
    opened = chat(staffed, "c")
    assert results(opened) == [("Off", "skipped"), ("All", "matched")]
    assert opened.skipped == []


def test_who_cannot_take_it_is_skipped_to_the_next_rule(staffed: Store):
    team(staffed, "cy", "dan")
    group(staffed, "Empty")
    group(staffed, "Asleep", "dan")
    simple(staffed, "To cy", "score >= 1", address("cy"))
    simple(staffed, "To empty", "score >= 2", "Empty")
    simple(staffed, "To asleep", "score >= 3", "Asleep")
    simple(staffed, "All", "everything", "Sales")
    deactivate(staffed, "cy")
    deactivate(staffed, "dan")
    contact(staffed, "c", score=9)
    opened = chat(staffed, "c")
    assert opened.conversation.group == "Sales"
    reasons = [step["reason"].partition(";")[0] for step in opened.skipped]
    assert reasons == [
        "cy@example.com is deactivated",
        'the group "Empty" has no members',
        'the group "Asleep" has no active member',
    ]


# ---------------------------------------------------------------- groups


def members_of(store: Store, number: int) -> list[str | None]:
    return [chat(store, "c").conversation.member for _ in range(number)]


@pytest.fixture
def trio(store: Store) -> Store:
    team(store, "anna", "ben", "cy")
    group(store, "Sales", "anna", "ben", "cy")
    simple(store, "All", "everything", "Sales")
    contact(store, "c")
    return store


def test_a_group_without_a_strategy_keeps_it(trio: Store):
    view = chat(trio, "c").conversation
    assert (view.group, view.member) == ("Sales", None)


def test_round_robin_goes_round(trio: Store):
    setting(trio, "group_strategy", "round_robin")
    names = [address(name) for name in ("anna", "ben", "cy")]
    assert members_of(trio, 6) == names * 2
    assert chat(trio, "c").conversation.group == "Sales"


def test_round_robin_starts_with_who_never_had_one(trio: Store):
    setting(trio, "group_strategy", "round_robin")
    members_of(trio, 2)
    team(trio, "dan")
    team_groups.add_to_group(trio, "Sales", [address("dan")], **WHO)
    assert members_of(trio, 3) == [address(name) for name in ("cy", "dan", "anna")]


def test_round_robin_leaves_out_who_is_deactivated(trio: Store):
    setting(trio, "group_strategy", "round_robin")
    deactivate(trio, "ben")
    assert members_of(trio, 3) == [address(name) for name in ("anna", "cy", "anna")]


def test_least_open_looks_at_all_open_conversations(trio: Store):
    setting(trio, "group_strategy", "least_open")
    first = chat(trio, "c").conversation
    assert members_of(trio, 2) == [address("ben"), address("cy")]
    conversation_changes.close(trio, f"#{first.id}", **WHO)
    assert members_of(trio, 1) == [address("anna")]
    assert members_of(trio, 3) == [address(name) for name in ("ben", "cy", "anna")]


def test_a_groups_own_strategy_beats_that_of_the_workspace(trio: Store):
    setting(trio, "group_strategy", "least_open")
    team_groups.edit_group(trio, "Sales", strategy="round_robin", **WHO)
    members_of(trio, 3)
    sql(trio, "UPDATE conversation SET closed_at = opened_at WHERE id = 3")
    assert members_of(trio, 1) == [address("anna")]  # least_open would give it to cy


# ---------------------------------------------------------------- test, cache


def test_trying_stores_nothing_and_shows_every_rule(trio: Store):
    setting(trio, "group_strategy", "round_robin")
    simple(trio, "More", "everything", address("anna"))
    before = sql(trio, "SELECT count(*) FROM audit_entry")[0][0]
    for _ in range(2):
        tried = try_contact(trio, "c", None, now=NOW)
        assert tried.decision.assigned.member == address("anna")
    assert [step["result"] for step in tried.decision.trace] == ["matched", "skipped"]
    assert tried.decision.trace[1]["reason"] == '"All" has decided'
    assert sql(trio, "SELECT count(*) FROM audit_entry")[0][0] == before
    assert sql(trio, "SELECT count(*) FROM team_group_turn")[0][0] == 0
    with pytest.raises(NotFound):
        try_contact(trio, "nobody", None, now=NOW)


def test_kept_rules_are_those_of_today(staffed: Store):
    contact_segment(staffed, "Scored", "score > 50")
    simple(staffed, "Rich", 'in segment "Scored"', address("anna"))
    cache = RuleCache()

    def current():
        with staffed.read() as session:
            kept, fresh = cache.current(session), load_rules(session)
        assert kept == fresh
        return kept

    def moved(what) -> None:
        before = current()
        assert current() is before
        what()
        assert current() is not before

    moved(lambda: edit(staffed, "Scored", where="score > 60"))
    moved(lambda: segments.rename(staffed, "Rich", "Wealthy", **WHO))
    moved(lambda: setting(staffed, "assignment_source", "stored"))
    moved(lambda: setting(staffed, "group_strategy", "least_open"))
    moved(lambda: setting(staffed, "timezone", "Europe/Warsaw"))
    moved(lambda: assignments.switch(staffed, "Wealthy", enabled=False, **WHO))
    moved(lambda: assignments.edit(staffed, "Wealthy", to="Sales", **WHO))
    moved(lambda: simple(staffed, "All", "everything", "Sales"))
    moved(lambda: assignments.move(staffed, "All", position=1, **WHO))
    moved(lambda: segments.delete(staffed, "Scored", force=True, **WHO))
    assert [each.problem is None for each in current().rules] == [True, False]
    moved(lambda: contact_segment(staffed, "Scored", "score > 1"))
    assert [each.problem for each in current().rules] == [None, None]
    moved(lambda: attributes.add_all(staffed, [VIP], now=NOW, actor="tester"))
