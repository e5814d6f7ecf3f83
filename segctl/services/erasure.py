"""Forgetting a record: nothing that segctl keeps names it afterwards, but that it was forgotten."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import RELATIONS, ObjectType, Storage
from segctl.engine import lease
from segctl.engine.holders import running
from segctl.engine.owner import this_process
from segctl.errors import NotFound, PartlyFailed, SegctlError
from segctl.services import personal_values
from segctl.services.personal_values import Subject
from segctl.services.record_values import find_record, record_name, whole_record
from segctl.store import audit, wiping
from segctl.store.glance import glance_of
from segctl.store.opening import Store
from segctl.store.reading import every_column
from segctl.store.records import RecordTables, record_tables
from segctl.store.tables import AuditEntry, MemberChange, Segment, SegmentState
from segctl.store.tables_team import Conversation
from segctl.store.workspace import load_catalog

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]
_change: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]
_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]
_entry: sa.Table = AuditEntry.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much of a record was deleted or emptied. It holds numbers only."""

    records: int
    """1, or 0 if only traces of a record were left that had been deleted before."""
    items: int
    relations: int
    """Records that lost their relation to it."""
    memberships: int
    changes: int
    events: int
    conversations: int
    audit_entries: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of an erasure.

    `mentioned_by` are segments whose condition or description names the record: a person has to
    edit those. `log_emptied` is False if readers kept SQLite's log from being cut.
    """

    type: ObjectType
    id: int
    forgotten: Forgotten
    segments: tuple[str, ...]
    """Those that counted it as a member; their counts are smaller by one now."""
    mentioned_by: tuple[str, ...]
    log_emptied: bool


def find(store: Store, type: ObjectType, ref: str) -> str:
    """How the record that would be erased is called; NotFound if nothing of it is left."""
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        subject, there = _subject(session, tables, type, ref)
        external = next((n for n in sorted(subject.names) if not n.startswith("#")), None)
        return record_name(subject.id, external if there else None)


def erase(
    store: Store,
    type: ObjectType,
    ref: str,
    *,
    vacuum: bool = False,
    now: dt.datetime,
    actor: str,
) -> Erased:
    """Take a record out of all that segctl keeps, in one transaction.

    That is: the record with its items, relations to it, members, history, the events and
    conversations of a contact, and values in the audit log. A record that was deleted before
    is looked for in the audit log. NotFound if nothing is left of it; Busy while a segment of the
    type is being recalculated, because that would let the record in again.
    """
    token = lease.new_token()
    try:
        with store.write() as session:
            _hold_segments(session, type, token)
        with lease.renewing(store, token), store.write() as session:
            wiping.wipe_what_is_deleted(session)
            done = _erase(session, type, ref, now, actor)
            lease.give_up(session, token)
    except BaseException:
        with suppress(SegctlError), store.write(durable=False) as session:
            lease.give_up(session, token)
        raise
    if vacuum:
        _rewrite(store, type, done[1])
    return Erased(*done, log_emptied=wiping.empty_log(store))


def _hold_segments(session: Session, type: ObjectType, token: str) -> None:
    """Take the leases of all segments of the type, or refuse."""
    wanted = dict(
        session.execute(
            sa.select(_segment.c.id, _segment.c.name).where(_segment.c.object_type == type.value)
        ).all()
    )
    held = lease.acquire(session, wanted, token=token, owner=this_process())
    for id in sorted(set(wanted) - held):
        error = lease.busy(running(glance_of(session)).get(id), wanted[id])
        error.hint = "try again when it is done"
        raise error


def _erase(
    session: Session, type: ObjectType, ref: str, now: dt.datetime, actor: str
) -> tuple[ObjectType, int, Forgotten, tuple[str, ...], tuple[str, ...]]:
    catalog = load_catalog(session)
    tables = record_tables(catalog)
    subject, _ = _subject(session, tables, type, ref)
    personal_values.learn_from_log(session, catalog, subject)
    texts = personal_values.telling_texts(session, tables, subject)
    events = conversations = 0
    if type is ObjectType.CONTACT:
        events = _delete_with(session, subject, "event", tables.record(ObjectType.EVENT))
        conversations = _delete_with(session, subject, "conversation", _conversation)
    segments = _leave_segments(session, tables, subject)
    forgotten = Forgotten(
        items=_items(session, tables, subject),
        relations=_relations(session, tables, subject),
        memberships=len(segments),
        changes=_rows(session, sa.delete(_change).where(*_changes_of(subject))),
        events=events,
        conversations=conversations,
        records=_delete_record(session, tables, subject),
        audit_entries=personal_values.erase_from_log(session, subject, texts),
    )
    audit.record(
        session,
        now=now,
        actor=actor,
        action="erase",
        subject_type=type.value,
        subject=f"#{subject.id}",
        after=asdict(forgotten),
    )
    return type, subject.id, forgotten, segments, _mentioned(session, texts)


def _subject(
    session: Session, tables: RecordTables, type: ObjectType, ref: str
) -> tuple[Subject, bool]:
    """The record, and whether it is still there."""
    catalog = tables.catalog
    try:
        id = find_record(session, tables, type, ref)
    except NotFound as error:
        found = personal_values.deleted_record(session, type, ref)
        if found is None:
            if _was_erased(session, type, ref):
                error.message = f"the {type} {ref} was erased already"
                error.hint = f"segctl audit list --type {type} --action erase"
            raise
        subject = Subject(type, found[0], {f"#{found[0]}", ref})
        subject.learn(catalog, found[1])
        return subject, False
    subject = Subject(type, id, {f"#{id}"})
    values = whole_record(session, tables, type, id, every_column(catalog, type))
    subject.learn(catalog, values)
    return subject, True


def _was_erased(session: Session, type: ObjectType, ref: str) -> bool:
    query = sa.select(_entry.c.id).where(
        _entry.c.subject_type == type.value,
        _entry.c.action == "erase",
        _entry.c.subject == ref,
    )
    return session.execute(query.limit(1)).first() is not None


def _delete_with(session: Session, subject: Subject, kind: str, table: sa.Table) -> int:
    """Delete what belongs to a contact alone, and remember what the audit log calls it."""
    mine = table.c.contact_id == subject.id
    called = sa.select(table.c.id, table.c.external_id).where(mine)
    for id, external in session.execute(called):
        subject.others.add((kind, f"#{id}"))
        subject.others.add((kind, str(id)))
        if external is not None:
            subject.others.add((kind, external))
    return _rows(session, sa.delete(table).where(mine))


def _leave_segments(session: Session, tables: RecordTables, subject: Subject) -> tuple[str, ...]:
    """Take the record out of the members of its segments, with their counts; their names."""
    member = tables.member(subject.type)
    mine = member.c.record_id == subject.id
    of_type = sa.select(_segment.c.id).where(_segment.c.object_type == subject.type.value)
    left = sa.delete(member).where(mine, member.c.segment_id.in_(of_type))
    ids = list(session.execute(left.returning(member.c.segment_id)).scalars())
    fewer = sa.update(_state).where(_state.c.segment_id.in_(ids)).values(count=_state.c.count - 1)
    session.execute(fewer)
    names = sa.select(_segment.c.name).where(_segment.c.id.in_(ids)).order_by(_segment.c.name)
    return tuple(session.execute(names).scalars())


def _changes_of(subject: Subject) -> Sequence[sa.ColumnElement[bool]]:
    # By segment first: that is how the index leads to the rows.
    of_type = sa.select(_segment.c.id).where(_segment.c.object_type == subject.type.value)
    return _change.c.segment_id.in_(of_type), _change.c.record_id == subject.id


def _items(session: Session, tables: RecordTables, subject: Subject) -> int:
    item = tables.item(subject.type)
    return _rows(session, sa.delete(item).where(item.c.record_id == subject.id))


def _relations(session: Session, tables: RecordTables, subject: Subject) -> int:
    """Empty the relations that lead to the record; how many records had one."""
    emptied = 0
    for relation in RELATIONS[subject.type].values():
        if relation.storage is Storage.CHILD:
            table = tables.record(relation.target)
            column = table.c[relation.column]
            if column.nullable:  # the events of a contact are gone already
                emptied += _rows(
                    session,
                    sa.update(table).where(column == subject.id).values({relation.column: None}),
                )
        elif relation.storage is Storage.LINK:
            link = tables.link()
            emptied += _rows(session, sa.delete(link).where(link.c[relation.column] == subject.id))
    return emptied


def _delete_record(session: Session, tables: RecordTables, subject: Subject) -> int:
    table = tables.record(subject.type)
    return _rows(session, sa.delete(table).where(table.c.id == subject.id))


def _mentioned(session: Session, texts: set[str]) -> tuple[str, ...]:
    """The segments whose condition or description names the record."""
    pattern = personal_values.words(texts)
    if pattern is None:
        return ()
    query = sa.select(_segment.c.name, _segment.c.condition, _segment.c.description)
    return tuple(
        row.name
        for row in session.execute(query.order_by(_segment.c.id))
        if any(map(pattern.search, row))
    )


def _rows(session: Session, statement: sa.Delete | sa.Update) -> int:
    done: Any = session.execute(statement)
    return int(done.rowcount)


def _rewrite(store: Store, type: ObjectType, id: int) -> None:
    try:
        wiping.rewrite(store, _tables(type))
    except SegctlError as error:
        raise PartlyFailed(
            f"the {type} #{id} was erased, but the store could not be rewritten: {error.message}",
            hint="VACUUM the database when nobody is using it",
        ) from error


def _tables(type: ObjectType) -> list[str]:
    """What VACUUM has to look at on Postgres."""
    names = [type.value, f"{type}_item", f"{type}_member", "member_change", "audit_entry"]
    return names + (["event", "conversation"] if type is ObjectType.CONTACT else [])
