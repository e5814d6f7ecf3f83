"""A Chatwoot: its webhooks, whose conversation they tell of, and who it is told got it."""

import datetime as dt
import time

import pytest

from segctl.services import chatwoot as service
from segctl.services.audit_log import AuditFilter, list_entries
from segctl.services.chatwoot import Sender
from segctl.services.conversation_changes import close
from segctl.store.opening import Store
from tests.audit.test_erasure import put
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, segment, sql, until
from tests.http.running import SECRET, FakeChatwoot, start

SETTINGS = """
[chatwoot]
url = "{url}"
account_id = 7
token_env = "CHATWOOT_TOKEN"
webhook_secret_env = "CHATWOOT_SECRET"
[chatwoot.agents]
"Anna@example.com" = 4
[chatwoot.teams]
"Sales" = 2
"""
ENVIRONMENT = {"CHATWOOT_TOKEN": "chatwoot-token", "CHATWOOT_SECRET": SECRET}


def created(conversation: int = 31, account: int = 7, **sender):
    """What Chatwoot sends of a new conversation, in its own form."""
    return {
        "event": "conversation_created",
        "id": conversation,
        "account": {"id": account, "name": "Acme"},
        "inbox_id": 1,
        "channel": "Channel::WebWidget",
        "status": "open",
        "can_reply": True,
        "contact_inbox": {"id": 9, "contact_id": 12, "inbox_id": 1, "source_id": "0a1b"},
        "messages": [],
        "labels": [],
        "meta": {
            "sender": {
                "id": 12,
                "name": "misty-rain-3",
                "email": None,
                "phone_number": None,
                "identifier": None,
                "type": "contact",
                "thumbnail": "",
                "custom_attributes": {},
                **sender,
            },
            "assignee": None,
        },
        "unread_count": 0,
        "created_at": 1700000000,
        "timestamp": 1700000000,
    }


@pytest.fixture
def team(store: Store):
    """Anna, alone in the group Sales, and a rule that gives everybody to Sales."""
    at = NOW if store.dialect == "postgresql" else "2026-03-15T12:00:00.000000Z"
    sql(
        store,
        "INSERT INTO team_member (email, name, role, active, created_at) "
        "VALUES ('anna@example.com', 'Anna', 'agent', :yes, :at)",
        yes=True if store.dialect == "postgresql" else 1,
        at=at,
    )
    sql(
        store,
        "INSERT INTO team_group (name, folded_name, description, strategy, created_at) "
        "VALUES ('Sales', 'sales', '', 'round_robin', :at)",
        at=at,
    )
    sql(store, "INSERT INTO team_group_member (group_id, member_id) VALUES (1, 1)")
    segment(store, "Known", 'status = "user"', type="contact")
    segment(store, "All", "everything", type="contact")
    for position, name, member, group in ((1, "Known", 1, None), (2, "All", None, 1)):
        sql(
            store,
            "INSERT INTO assignment_rule (position, segment_id, member_id, group_id, enabled, "
            "description, created_at, modified_at) SELECT :p, id, :m, :g, :yes, '', :at, :at "
            "FROM segment WHERE name = :name",
            p=position,
            m=member,
            g=group,
            name=name,
            yes=True if store.dialect == "postgresql" else 1,
            at=at,
        )


@pytest.fixture
def served(segctl_process, store: Store, chatwoot: FakeChatwoot, tmp_path):
    """Start a server that knows the Chatwoot."""

    def call():
        file = tmp_path / "here" / "segctl.toml"
        file.write_text(SETTINGS.format(url=chatwoot.url))
        return start(segctl_process, store, env=ENVIRONMENT)

    return call


def told(store: Store) -> list[dict]:
    with list_entries(store, AuditFilter(action="assign_back")) as entries:
        return [entry.after for entry in entries]


# ---------------------------------------------------------------- from the webhook to the assignee


def test_a_new_conversation_is_assigned_here_and_there(served, team, store, chatwoot):
    server = served()
    answer = server.webhook(created()).ok().json
    assert answer["result"] == "opened"
    conversation = answer["conversation"]
    assert (conversation["external_id"], conversation["channel"]) == ("chatwoot:7:31", "chatwoot")
    assert (conversation["group"], conversation["member"]) == ("Sales", "anna@example.com")
    path = "/api/v1/accounts/7/conversations/31/assignments"
    # Chatwoot takes one of the two in a call, the team before the agent of it.
    assert chatwoot.next() == (path, {"team_id": 2})
    assert chatwoot.next() == (path, {"assignee_id": 4})
    assert until(lambda: told(store)) == [{"team_id": 2, "assignee_id": 4}]


def test_a_webhook_that_comes_again_changes_nothing(served, team, store, chatwoot):
    server = served()
    first = server.webhook(created()).ok().json["conversation"]
    for _ in range(2):
        chatwoot.next()
    until(lambda: told(store))
    again = server.webhook(created()).ok().json
    assert (again["result"], again["conversation"]["id"]) == ("known", first["id"])
    assert sql(store, "SELECT count(*) FROM conversation")[0][0] == 1
    assert chatwoot.asked.empty()


def test_a_rule_for_a_person_sets_the_agent_alone(served, team, store, chatwoot):
    put(store, "contact", "u-1", "status=user")
    server = served()
    answer = server.webhook(created(identifier="u-1")).ok().json
    assert answer["conversation"]["contact"] == "u-1"
    assert chatwoot.next()[1] == {"assignee_id": 4}
    assert until(lambda: told(store)) == [{"assignee_id": 4}]


def test_an_unassigned_conversation_is_not_told(served, store, chatwoot):
    server = served()
    assert not server.webhook(created()).ok().json["conversation"]["assigned"]
    server.stop()
    assert chatwoot.asked.empty()
    assert told(store) == []


def test_a_chatwoot_that_fails_is_asked_again_and_the_decision_stays(served, team, store, chatwoot):
    chatwoot.answers = [500, 429, 200, 503]
    server = served()
    server.webhook(created()).ok()
    asked = [chatwoot.next()[1] for _ in range(6)]
    team_id, agent = {"team_id": 2}, {"assignee_id": 4}
    assert asked == [team_id, team_id, team_id, agent, team_id, agent]
    assert until(lambda: told(store)) == [{"team_id": 2, "assignee_id": 4}]
    assert sql(store, "SELECT group_id, member_id FROM conversation") == [(1, 1)]


def test_what_chatwoot_does_not_take_is_told_and_not_tried_again(served, team, store, chatwoot):
    chatwoot.answers = [404]
    server = served()
    server.webhook(created()).ok()
    [entry] = until(lambda: told(store))
    assert entry == {"team_id": 2, "assignee_id": 4, "error": "it answers 404 Not Found"}
    assert sql(store, "SELECT group_id, member_id FROM conversation") == [(1, 1)]
    code, said = server.stop()
    assert (code, chatwoot.asked.qsize()) == (143, 1)
    assert "Chatwoot was not told of chatwoot:7:31: it answers 404" in said
    assert "chatwoot-token" not in said


def test_who_has_no_number_in_chatwoot_is_told(served, team, store, chatwoot):
    sql(store, "UPDATE team_member SET email = 'eve@example.com'")
    server = served()
    server.webhook(created()).ok()
    assert until(lambda: told(store)) == [{"team_id": 2, "unmapped": ['"eve@example.com"']}]
    assert '"eve@example.com" has no number' in server.stop()[1]


def test_what_was_not_told_is_told_after_a_restart(served, team, store, chatwoot):
    chatwoot.answers = [500] * 1000
    server = served()
    server.webhook(created()).ok()
    chatwoot.next()
    server.stop()
    assert told(store) == []
    chatwoot.answers = []
    while not chatwoot.asked.empty():
        chatwoot.asked.get()
    served()
    assert chatwoot.next()[1] == {"team_id": 2}
    assert until(lambda: told(store)) == [{"team_id": 2, "assignee_id": 4}]


def test_without_a_token_of_chatwoot_it_assigns_here_alone(segctl_process, team, store, tmp_path):
    (tmp_path / "here" / "segctl.toml").write_text(
        '[chatwoot]\nwebhook_secret_env = "CHATWOOT_SECRET"\n'
    )
    server = start(segctl_process, store, env=ENVIRONMENT)
    assert server.webhook(created(account=3)).ok().json["conversation"]["group"] == "Sales"
    assert told(store) == []


# ---------------------------------------------------------------- what is refused


def test_a_wrong_webhook_is_refused_and_changes_nothing(served, team, store, chatwoot):
    before = sql(store, "SELECT count(*) FROM audit_entry")
    server = served()
    now = time.time()
    good = created()
    for status, answer in (
        (401, server.webhook(good, secret="another")),
        (401, server.webhook(good, at=now - 3600)),
        (401, server.webhook(good, at=now + 3600)),
        (401, server.webhook(good, X_Chatwoot_Signature="")),
        (401, server.webhook(good, X_Chatwoot_Signature="sha256=00")),
        (401, server.webhook(good, X_Chatwoot_Signature="sha256=\xe9")),
        (401, server.webhook(good, X_Chatwoot_Timestamp=str(int(now) + 1))),
        (401, server.webhook(good, X_Chatwoot_Timestamp="now")),
        (401, server("POST", "/webhooks/chatwoot", good, token=None)),
        (401, server("POST", "/webhooks/chatwoot", good)),
        (400, server.webhook(None, raw=b"{")),
        (400, server.webhook(None, raw=b"[" * 100_000)),
        (422, server.webhook({"event": "conversation_created"})),
        (422, server.webhook({**good, "id": "31"})),
        (422, server.webhook({**good, "id": 2**70})),
        (422, server.webhook({**good, "meta": {"sender": None}})),
        (422, server.webhook(created(account=8))),
    ):
        assert answer.status == status, answer.text
        assert answer.error["message"]
    assert sql(store, "SELECT count(*) FROM audit_entry") == before
    assert sql(store, "SELECT * FROM contact") == []
    assert chatwoot.asked.empty()


def test_other_events_are_ignored(served, store):
    server = served()
    for payload in ({"event": "message_created", "id": 1}, {"event": 5}, {}, []):
        assert server.webhook(payload).ok().json == {"result": "ignored", "conversation": None}


def test_without_a_secret_no_webhook_is_taken(segctl_process, sqlite_store: Store):
    server = start(segctl_process, sqlite_store)
    assert server.webhook(created()).ok(404).error["code"] == "not_found"


def test_a_secret_that_is_missing_stops_the_start(segctl_process, sqlite_store: Store, tmp_path):
    file = tmp_path / "here" / "segctl.toml"
    file.write_text(SETTINGS.format(url="http://127.0.0.1:1"))
    env = {"SEGCTL_SERVE_TOKEN": "x" * 32, "CHATWOOT_TOKEN": "t"}
    result = segctl_process("serve", "--port", "0", store=sqlite_store, env=env)
    assert result.code == 2
    assert "CHATWOOT_SECRET with the secret of Chatwoot's webhooks is not set" in result.stderr


# ---------------------------------------------------------------- whose conversation it is


def opened(store: Store, sender: Sender, conversation: int = 1):
    return service.open_from_chatwoot(
        store, sender, account=7, conversation=conversation, now=NOW, actor=ACTOR
    )


def test_a_contact_is_found_by_identifier_before_address(store: Store):
    put(store, "contact", "u-1", "email=other@example.com")
    put(store, "contact", "u-2", "email=anna@example.com")
    found = opened(store, Sender(5, identifier="u-1", email="anna@example.com"))
    assert found.conversation.contact == "u-1"
    assert not found.new_contact


def test_a_contact_is_found_by_address_in_any_case(store: Store):
    put(store, "contact", "u-2", "email=anna@example.com")
    put(store, "contact", "u-3", "email=anna@example.com")
    found = opened(store, Sender(5, identifier="unknown", email=" Anna@Example.com "))
    assert found.conversation.contact == "u-2"


def test_a_new_contact_is_made_of_what_chatwoot_knows(store: Store):
    opened(store, Sender(5, "u-1", "anna@example.com", "Anna", "+48123456789"))
    [row] = sql(store, "SELECT external_id, email, name, phone, status FROM contact")
    assert row == ("u-1", "anna@example.com", "Anna", "+48123456789", "visitor")
    with list_entries(store, AuditFilter()) as entries:
        found = [(e.subject_type, e.action) for e in entries]
    assert found == [("conversation", "open"), ("contact", "create")]


def test_a_visitor_without_a_name_is_known_again(store: Store):
    first = opened(store, Sender(5))
    second = opened(store, Sender(5, email="late@example.com"), conversation=2)
    assert first.conversation.contact == second.conversation.contact == "chatwoot:7:contact:5"
    assert first.conversation.id != second.conversation.id


def test_odd_values_of_a_contact_are_left_out(store: Store):
    opened(store, Sender(5, "x" * 600, "a\0b@example.com", "na\ud800me", "\x01" * 9))
    [row] = sql(store, "SELECT external_id, email, name FROM contact")
    assert row == ("chatwoot:7:contact:5", None, None)


def test_what_chatwoot_was_not_told_is_found_until_it_is(store: Store, team):
    view = opened(store, Sender(5)).conversation
    opened(store, Sender(5), conversation=2)
    service.open_from_chatwoot(store, Sender(5), account=70, conversation=1, now=NOW, actor=ACTOR)
    first, second = service.untold(store, 7, since=NOW)
    assert (first.id, second.external_id) == (view.id, "chatwoot:7:2")
    assert service.untold(store, 7, since=NOW + dt.timedelta(seconds=1)) == []
    service.note_told(store, view.id, {"team_id": 2}, now=NOW, actor=ACTOR)
    assert [one.id for one in service.untold(store, 7, since=NOW)] == [second.id]
    close(store, f"#{second.id}", now=NOW, actor=ACTOR)
    assert service.untold(store, 7, since=NOW) == []


def test_external_ids_are_read_back():
    assert service.parse_external_id(service.external_id(7, 31)) == (7, 31)
    for text in (None, "", "x", "chatwoot:7", "chatwoot:a:1", "other:7:31"):
        assert service.parse_external_id(text) is None
