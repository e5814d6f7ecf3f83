"""Conversations as listings show them, and finding one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.errors import NotFound, UsageError
from segctl.services.contact_lookup import find_contact
from segctl.services.people import find_group, find_member
from segctl.services.record_values import record_name
from segctl.services.values import quoted
from segctl.store.opening import Store
from segctl.store.records import RecordTables, record_tables
from segctl.store.tables import Segment
from segctl.store.tables_team import Conversation, TeamGroup, TeamMember
from segctl.store.workspace import load_catalog

_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]
_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]

BATCH = 1_000
"""Rows that are fetched together."""


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation and to whom it was given.

    `contact` is the contact's external id or `#12`; it stays `#12` when the contact was deleted.
    `rule_id` and `segment` are what decided; both None if a person did, and `segment` if it is
    gone. `assigned_by` is `rule`, `sweep` or a person. `trace` is empty in listings.
    """

    id: int
    external_id: str | None
    channel: str
    contact_id: int
    contact: str
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    member: str | None
    group: str | None
    rule_id: int | None
    segment: str | None
    assigned_at: dt.datetime | None
    assigned_by: str | None
    source: str
    trace: Sequence[Mapping[str, Any]] = ()

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def assigned(self) -> bool:
        return self.member is not None or self.group is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations to list: those for which all that is set is true."""

    open: bool | None = None
    member: str | None = None
    group: str | None = None
    unassigned: bool = False
    since: dt.datetime | None = None
    contact: str | None = None
    email: str | None = None


@contextmanager
def list_conversations(
    store: Store, wanted: Wanted | None = None, *, limit: int | None = None
) -> Iterator[Iterator[ConversationView]]:
    """The conversations, the newest first, to be read within the context.

    NotFound for a team member, group or contact that is asked for.
    """
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        clauses = _clauses(session, tables, wanted or Wanted())
        query = _select(tables, trace=False).where(*clauses)
        query = query.order_by(_conversation.c.opened_at.desc(), _conversation.c.id.desc())
        streamed = {"yield_per": BATCH, "stream_results": True}
        rows = session.execute(query.limit(limit), execution_options=streamed).mappings()
        yield (_view(row) for row in rows)


def show(store: Store, ref: str) -> ConversationView:
    """A conversation with its trace, by the chat's own id, by `12` or `#12`; NotFound."""
    with store.read() as session:
        return view(session, find_conversation(session, ref))


def find_conversation(session: Session, ref: str) -> int:
    """The id of the conversation. The chat's own id of it comes first; `#12` is never that."""
    word = ref.strip()
    if word and "\0" not in word:
        query = sa.select(_conversation.c.id).where(_conversation.c.external_id == word)
        id = session.execute(query).scalar()
        if id is not None:
            return int(id)
    number = word.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 19:
        by_id = sa.select(_conversation.c.id).where(_conversation.c.id == int(number))
        id = session.execute(by_id).scalar()
        if id is not None:
            return int(id)
    raise NotFound(
        f"there is no conversation {quoted(word)}",
        hint="a conversation is named by the chat's own id of it, or by #id; "
        "segctl conversations list shows them",
        ref=word,
    )


def view(session: Session, id: int) -> ConversationView:
    """The conversation of that id, with its trace."""
    tables = record_tables(load_catalog(session))
    query = _select(tables, trace=True).where(_conversation.c.id == id)
    return _view(session.execute(query).mappings().one())


_OWN = (
    "id",
    "external_id",
    "channel",
    "contact_id",
    "opened_at",
    "closed_at",
    "rule_id",
    "assigned_at",
    "assigned_by",
    "source",
)


def _select(tables: RecordTables, *, trace: bool) -> sa.Select[Any]:
    contact = tables.record(ObjectType.CONTACT)
    columns: list[sa.ColumnElement[Any]] = [_conversation.c[name] for name in _OWN]
    if trace:
        columns.append(_conversation.c.trace)
    return (
        sa.select(
            *columns,
            contact.c.external_id.label("contact"),
            _member.c.email.label("member"),
            _group.c.name.label("group"),
            _segment.c.name.label("segment"),
        )
        .select_from(_conversation)
        .outerjoin(contact, contact.c.id == _conversation.c.contact_id)
        .outerjoin(_member, _member.c.id == _conversation.c.member_id)
        .outerjoin(_group, _group.c.id == _conversation.c.group_id)
        .outerjoin(_segment, _segment.c.id == _conversation.c.segment_id)
    )


def _view(row: Mapping[Any, Any]) -> ConversationView:
    values = {**row, "contact": record_name(row["contact_id"], row["contact"])}
    return ConversationView(**values)


def _clauses(
    session: Session, tables: RecordTables, wanted: Wanted
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    table = _conversation.c
    if wanted.unassigned:
        if wanted.member is not None or wanted.group is not None:
            raise UsageError("what is unassigned has neither assignee nor group")
        found += [table.member_id.is_(None), table.group_id.is_(None)]
    if wanted.open is not None:
        found.append(table.closed_at.is_(None) if wanted.open else table.closed_at.is_not(None))
    if wanted.member is not None:
        found.append(table.member_id == find_member(session, wanted.member).id)
    if wanted.group is not None:
        found.append(table.group_id == find_group(session, wanted.group).id)
    if wanted.since is not None:
        found.append(table.opened_at >= wanted.since)
    if wanted.contact is not None or wanted.email is not None:
        contact = find_contact(session, tables, wanted.contact, wanted.email)
        found.append(table.contact_id == contact.id)
    return found
