"""Conversations: opened once, found again, closed, given to others, swept up."""

import datetime as dt

import pytest

from segctl.errors import AlreadyExists, InvalidValue, NotFound, SegctlError, UsageError
from segctl.services import conversation_changes, conversation_views, conversations
from segctl.services.conversation_requests import read_request
from segctl.services.conversation_views import Wanted
from segctl.services.conversations import Opened, OpenRequest
from segctl.services.decision_rules import RuleCache
from segctl.services.filters import workspace_zone
from segctl.store.opening import Store
from tests.chat.chats import (
    WHO,
    address,
    chat,
    contact,
    deactivate,
    group,
    rule,
    setting,
    simple,
    team,
)
from tests.conftest import NOW
from tests.engine.workspace import segment, sql


@pytest.fixture
def staffed(store: Store) -> Store:
    team(store, "anna", "ben")
    group(store, "Sales", "anna", "ben", strategy="round_robin")
    simple(store, "All", "score > 0", "Sales")
    contact(store, "c", score=1, email="Cy@Example.com")
    contact(store, "poor", score=0)
    return store


def number(store: Store, table: str) -> int:
    return int(sql(store, f"SELECT count(*) FROM {table}")[0][0])


# ---------------------------------------------------------------- opening


def test_the_conversation_is_stored_with_its_trace(staffed: Store):
    opened = chat(staffed, "c", channel="whatsapp", external_id="w-1")
    shown = conversation_views.show(staffed, "w-1")
    assert shown == opened.conversation
    assert (shown.channel, shown.group, shown.member) == ("whatsapp", "Sales", address("anna"))
    assert shown.trace[0]["result"] == "matched"
    (entry,) = sql(
        staffed,
        "SELECT action, subject, actor FROM audit_entry WHERE subject_type = 'conversation'",
    )
    assert tuple(entry) == ("open", f"#{shown.id}", "tester")


def test_opening_again_gives_the_same_conversation(staffed: Store):
    first = chat(staffed, "c", external_id="w-1")
    again = chat(staffed, "c", external_id="w-1")
    without = chat(staffed, external_id="w-1")
    assert (first.created, again.created, without.created) == (True, False, False)
    assert again.conversation == first.conversation == without.conversation
    assert number(staffed, "conversation") == 1
    assert sql(staffed, "SELECT turn FROM team_group_turn") == [(1,)]


def test_an_external_id_of_another_contact_is_refused(staffed: Store):
    chat(staffed, "c", external_id="w-1")
    with pytest.raises(AlreadyExists, match="contact c, not of poor"):
        chat(staffed, "poor", external_id="w-1")


def test_without_an_external_id_each_is_a_new_one(staffed: Store):
    ids = {chat(staffed, "c").conversation.id for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("ref", ["nobody", "#999", "#0", "", "a\0b"])
def test_an_unknown_contact_changes_nothing(staffed: Store, ref: str):
    with pytest.raises(NotFound):
        chat(staffed, ref)
    assert number(staffed, "conversation") == 0


def test_contacts_are_named_by_number_and_by_address(staffed: Store):
    id = chat(staffed, "c").conversation.contact_id
    assert chat(staffed, f"#{id}").conversation.contact == "c"
    for email in ("Cy@Example.com", "cy@example.com", " CY@EXAMPLE.COM "):
        assert chat(staffed, email=email).conversation.contact_id == id
    with pytest.raises(NotFound) as caught:
        chat(staffed, email="nobody@example.com")
    assert "--create-contact" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="whose conversation"):
        chat(staffed)
    with pytest.raises(InvalidValue, match="no e-mail address"):
        chat(staffed, email="nobody")


def test_an_address_of_several_contacts_is_ambiguous_unless_spelled_exactly(staffed: Store):
    contact(staffed, "d", email="cy@example.com")
    contact(staffed, "e", email="CY@example.com")
    assert chat(staffed, email="cy@example.com").conversation.contact == "d"
    with pytest.raises(UsageError, match="3 contacts have"):
        chat(staffed, email="cY@example.com")


def test_a_contact_is_made_with_its_conversation(staffed: Store):
    simple(staffed, "Visitors", 'status = "visitor"', address("ben"))
    opened = chat(staffed, email="new@example.com", create=True)
    assert opened.new_contact
    assert opened.conversation.segment == "Visitors"
    again = chat(staffed, email="new@example.com", create=True)
    assert not again.new_contact
    assert again.conversation.contact_id == opened.conversation.contact_id
    named = chat(staffed, "c-9", email="nine@example.com", create=True)
    assert named.conversation.contact == "c-9"
    rows = sql(staffed, "SELECT email, status FROM contact WHERE external_id = 'c-9'")
    assert rows == [("nine@example.com", "visitor")]
    created = "SELECT subject FROM audit_entry WHERE action = 'create' AND subject_type = 'contact'"
    assert len(sql(staffed, created)) == 2


@pytest.mark.parametrize(
    "request_", [{"contact": "#77"}, {"email": "no"}, {"contact": "x" * 600}, {"contact": ""}]
)
def test_a_contact_that_cannot_be_is_not_made(staffed: Store, request_: dict):
    before = number(staffed, "contact")
    with pytest.raises(SegctlError):
        chat(staffed, **{"contact": None, **request_}, create=True)
    assert number(staffed, "contact") == before


def test_channel_and_external_id_fit_an_index(staffed: Store):
    for wrong in ({"channel": ""}, {"channel": "x" * 600}, {"external_id": "x\0"}):
        with pytest.raises(InvalidValue, match=r"channel|external_id"):
            chat(staffed, "c", **wrong)


def test_a_batch_answers_each_in_order(staffed: Store):
    wanted = [OpenRequest(contact=name) for name in ("c", "nobody", "poor", "c")]
    answers = conversations.open_conversations(
        staffed, wanted, now=NOW, actor="tester", rules=RuleCache()
    )
    found = [a.conversation.member if isinstance(a, Opened) else type(a).__name__ for a in answers]
    assert found == [address("anna"), "NotFound", None, address("ben")]
    assert number(staffed, "conversation") == 3
    opened = "SELECT count(*) FROM audit_entry WHERE action = 'open'"
    assert sql(staffed, opened) == [(3,)]


def test_a_batch_whose_store_is_locked_answers_each_as_busy(staffed: Store):
    from segctl.store.opening import open_store

    with open_store(staffed.url, busy_timeout=0.05) as impatient, staffed.alter(lock_timeout=1):
        answers = conversations.open_conversations(
            impatient, [OpenRequest(contact="c")] * 2, now=NOW, actor="x", rules=RuleCache()
        )
    assert [getattr(answer, "code", None) for answer in answers] == ["busy", "busy"]


# ---------------------------------------------------------------- requests of programs


def test_a_request_is_read(staffed: Store):
    zone = workspace_zone(staffed)
    full = {
        "contact": "c",
        "email": None,
        "channel": "sms",
        "external_id": "x",
        "at": "2026-01-31T10:00",
        "create": True,
    }
    at = dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC)
    assert read_request(full, zone) == OpenRequest("c", None, "sms", "x", at, create=True)
    assert read_request({}, zone) == OpenRequest()


@pytest.mark.parametrize(
    "value",
    [
        [],
        "c",
        None,
        {"contact": 5},
        {"email": ["x"]},
        {"contakt": "c"},
        {"create": 1},
        {"create": "yes"},
        {"at": "tomorrow"},
        {"at": 5},
    ],
)
def test_a_request_that_is_none_is_refused(staffed: Store, value: object):
    with pytest.raises(UsageError):
        read_request(value, workspace_zone(staffed))


# ---------------------------------------------------------------- listing


def ids(store: Store, **wanted: object) -> list[int]:
    with conversation_views.list_conversations(store, Wanted(**wanted)) as found:
        return [view.id for view in found]


def test_conversations_are_listed_and_filtered(staffed: Store):
    hour = dt.timedelta(hours=1)
    one = chat(staffed, "c", at=NOW - 3 * hour).conversation.id
    two = chat(staffed, "poor", at=NOW - 2 * hour).conversation.id
    three = chat(staffed, "c", at=NOW - hour).conversation.id
    conversation_changes.close(staffed, f"#{one}", **WHO)
    assert ids(staffed) == [three, two, one]
    assert ids(staffed, open=True) == [three, two]
    assert ids(staffed, open=False) == [one]
    assert ids(staffed, unassigned=True) == [two]
    assert ids(staffed, member="anna@example.com") == [one]
    assert ids(staffed, group="Sales") == [three, one]
    assert ids(staffed, since=NOW - 2 * hour) == [three, two]
    assert ids(staffed, contact="c") == [three, one]
    assert ids(staffed, email="cy@example.com", open=True) == [three]
    with conversation_views.list_conversations(staffed, limit=1) as found:
        assert [view.id for view in found] == [three]
    for wanted in ({"member": "x"}, {"group": "x"}, {"contact": "x"}):
        with pytest.raises(NotFound):
            ids(staffed, **wanted)
    with pytest.raises(UsageError):
        ids(staffed, unassigned=True, member="anna@example.com")


def test_a_conversation_is_named_by_the_chats_id_before_its_own(staffed: Store):
    one = chat(staffed, "c").conversation.id
    two = chat(staffed, "c", external_id=str(one)).conversation.id
    assert conversation_views.show(staffed, str(one)).id == two
    assert conversation_views.show(staffed, f"#{one}").id == one
    for ref in ("#99", "nothing", "", "a\0"):
        with pytest.raises(NotFound):
            conversation_views.show(staffed, ref)


def test_a_conversation_outlives_its_contact(staffed: Store):
    id = chat(staffed, "c").conversation.id
    sql(staffed, "DELETE FROM contact WHERE external_id = 'c'")
    assert conversation_views.show(staffed, f"#{id}").contact.startswith("#")


# ---------------------------------------------------------------- afterwards


def actions(store: Store) -> list[str]:
    rows = sql(
        store, "SELECT action FROM audit_entry WHERE subject_type = 'conversation' ORDER BY id"
    )
    return [row[0] for row in rows]


def test_closing_twice_changes_nothing_the_second_time(staffed: Store):
    id = chat(staffed, "c").conversation.id
    later = NOW + dt.timedelta(hours=1)
    closed, changed = conversation_changes.close(staffed, f"#{id}", now=later, actor="tester")
    assert (closed.closed_at, changed) == (later, True)
    assert conversation_changes.close(staffed, f"#{id}", **WHO) == (closed, False)
    assert actions(staffed) == ["open", "close"]


def test_reassigning_to_a_team_member(staffed: Store):
    id = chat(staffed, "c").conversation.id
    view, changed = conversation_changes.reassign(staffed, f"#{id}", address("ben"), **WHO)
    assert changed
    assert (view.member, view.group, view.segment, view.rule_id) == (
        address("ben"),
        None,
        None,
        None,
    )
    assert view.assigned_by == "tester"
    assert [step["result"] for step in view.trace] == ["matched", "reassigned"]
    assert conversation_changes.reassign(staffed, f"#{id}", address("ben"), **WHO) == (view, False)
    assert actions(staffed) == ["open", "reassign"]


def test_reassigning_to_a_group_takes_a_turn(staffed: Store):
    id = chat(staffed, "poor").conversation.id
    view, _ = conversation_changes.reassign(staffed, f"#{id}", "Sales", **WHO)
    assert (view.group, view.member) == ("Sales", address("anna"))
    assert chat(staffed, "c").conversation.member == address("ben")


def test_who_cannot_take_it_is_not_given_it(staffed: Store):
    id = chat(staffed, "c").conversation.id
    group(staffed, "Empty")
    deactivate(staffed, "ben")
    before = conversation_views.show(staffed, f"#{id}")
    for who, error in (
        (address("ben"), UsageError),
        ("Empty", UsageError),
        ("nobody", NotFound),
    ):
        with pytest.raises(error):
            conversation_changes.reassign(staffed, f"#{id}", who, **WHO)
    assert conversation_views.show(staffed, f"#{id}") == before
    conversation_changes.close(staffed, f"#{id}", **WHO)
    with pytest.raises(SegctlError, match="is closed"):
        conversation_changes.reassign(staffed, f"#{id}", address("anna"), **WHO)


def sweep(store: Store, days: float = 7, **more: object) -> list[tuple[int, str | None]]:
    swept = conversation_changes.sweep(store, max_age=dt.timedelta(days=days), **more, **WHO)
    return [(each.conversation.id, each.conversation.segment) for each in swept]


def test_a_sweep_applies_the_rules_to_the_backlog(staffed: Store):
    day = dt.timedelta(days=1)
    old = chat(staffed, "poor", at=NOW - 8 * day).conversation.id
    closed = chat(staffed, "poor", at=NOW - 2 * day).conversation.id
    conversation_changes.close(staffed, f"#{closed}", **WHO)
    waiting = chat(staffed, "poor", at=NOW - 3 * day).conversation.id
    taken = chat(staffed, "c", at=NOW - day).conversation
    assert sweep(staffed) == [(waiting, None)]
    simple(staffed, "Poor", "score = 0", "Sales")
    before = conversation_views.show(staffed, f"#{waiting}")
    assert sweep(staffed, dry_run=True) == [(waiting, "Poor")]
    assert conversation_views.show(staffed, f"#{waiting}") == before
    assert sweep(staffed) == [(waiting, "Poor")]
    after = conversation_views.show(staffed, f"#{waiting}")
    assert (after.member, after.assigned_by, after.assigned_at) == (address("ben"), "sweep", NOW)
    assert after.trace[-1]["result"] == "matched"
    assert sweep(staffed) == []
    assert conversation_views.show(staffed, f"#{taken.id}") == taken
    assert not conversation_views.show(staffed, f"#{old}").assigned
    assert actions(staffed).count("sweep") == 1


def test_a_dry_sweep_picks_nobody_of_a_group(staffed: Store):
    chat(staffed, "poor")
    simple(staffed, "Poor", "score = 0", "Sales")
    week = dt.timedelta(days=7)
    (swept,) = conversation_changes.sweep(staffed, max_age=week, dry_run=True, **WHO)
    assert (swept.conversation.group, swept.conversation.member) == ("Sales", None)


def test_a_sweep_leaves_out_contacts_that_are_gone(staffed: Store):
    chat(staffed, "poor")
    sql(staffed, "DELETE FROM contact WHERE external_id = 'poor'")
    simple(staffed, "Everybody", "everything", "Sales")
    assert [segment for _, segment in sweep(staffed)] == [None]


def test_a_setting_that_is_none_of_the_words_is_refused(store: Store):
    for key in ("assignment_source", "group_strategy"):
        with pytest.raises(InvalidValue, match="is none of"):
            setting(store, key, "sometimes")
    setting(store, "group_strategy", "Least-Open")
    setting(store, "group_strategy", "none")


def test_a_rule_on_a_segment_that_two_types_have_is_on_that_of_contacts(store: Store):
    team(store, "anna")
    segment(store, "Same", "size > 1")
    simple(store, "Same ", "score > 1", address("anna"))
    with pytest.raises(AlreadyExists):
        rule(store, "Same", address("anna"))
