"""A workspace for the tests of chat assignment, in few words."""

from typing import Any

from segctl.services import assignments, conversations, team_groups, team_members, workspace
from segctl.services.assignments import RuleView
from segctl.services.conversations import Opened, OpenRequest
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, add, segment

WHO: dict[str, Any] = {"now": NOW, "actor": ACTOR}


def contact(store: Store, name: str, **values: Any) -> int:
    return add(store, "contact", [{"external_id": name, **values}])[0]


def contact_segment(store: Store, name: str, where: str) -> None:
    segment(store, name, where, type="contact")


def team(store: Store, *names: str) -> None:
    """Team members `name@example.com`."""
    for name in names:
        team_members.add_member(store, address(name), **WHO)


def group(store: Store, name: str, *members: str, strategy: str = "") -> None:
    team_groups.create_group(store, name, strategy=strategy, **WHO)
    if members:
        team_groups.add_to_group(store, name, [address(member) for member in members], **WHO)


def address(name: str) -> str:
    return f"{name}@example.com"


def deactivate(store: Store, name: str) -> None:
    team_members.set_active(store, address(name), active=False, **WHO)


def rule(store: Store, name: str, to: str, **more: Any) -> RuleView:
    return assignments.create(store, name, to, **more, **WHO)


def simple(store: Store, name: str, where: str, to: str, **more: Any) -> RuleView:
    """A contact segment and its rule."""
    contact_segment(store, name, where)
    return rule(store, name, to, **more)


def chat(store: Store, contact: str | None = None, **more: Any) -> Opened:
    """Open a conversation."""
    at = more.pop("now", NOW)
    request = OpenRequest(contact=contact, **more)
    return conversations.open_conversation(store, request, now=at, actor=ACTOR)


def setting(store: Store, key: str, value: str) -> None:
    workspace.set_value(store, key, value, **WHO)


def order(store: Store) -> list[str]:
    """The segments of the rules by position; positions are 1, 2, 3, …"""
    rules = assignments.list_rules(store)
    assert [each.position for each in rules] == list(range(1, len(rules) + 1))
    return [each.segment for each in rules]


def results(opened: Opened) -> list[tuple[str, str]]:
    return [(step["segment"], step["result"]) for step in opened.conversation.trace]
