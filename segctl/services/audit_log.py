"""Who changed what: the audit log, read. Each service writes its entries itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.errors import NotFound, UsageError, did_you_mean
from segctl.services.segment_views import find_row
from segctl.store.functions import fold
from segctl.store.opening import Store
from segctl.store.tables import AuditEntry, Segment

_entry: sa.Table = AuditEntry.__table__  # type: ignore[attr-defined]

BATCH = 500
"""Entries that are fetched together."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: all that are given must hold. `since` is included, `until` is not.

    `segment` is a name, `type/name` or an id; its entries are found under every name that it had.
    """

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    segment: str | None = None
    actor: str | None = None
    action: str | None = None
    subject_type: str | None = None


@contextmanager
def list_entries(
    store: Store, wanted: AuditFilter, *, limit: int | None = None
) -> Iterator[Iterator[AuditEntry]]:
    """The entries, the newest first; rows come while the context is open."""
    with store.read() as session:
        query = sa.select(AuditEntry).where(*_clauses(session, wanted))
        query = query.order_by(_entry.c.id.desc()).limit(limit)
        streamed = {"yield_per": BATCH, "stream_results": True}
        yield iter(session.execute(query, execution_options=streamed).scalars())


def count_entries(store: Store, wanted: AuditFilter) -> int:
    """How many entries there are."""
    with store.read() as session:
        query = sa.select(sa.func.count()).select_from(_entry)
        return int(session.execute(query.where(*_clauses(session, wanted))).scalar_one())


def show(store: Store, id: int) -> AuditEntry:
    """One entry; NotFound if there is none."""
    with store.read() as session:
        entry = session.get(AuditEntry, id)
    if entry is None:
        raise NotFound(f"there is no audit entry {id}", hint="segctl audit list shows them")
    return entry


def _clauses(session: Session, wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    clauses: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        clauses.append(_entry.c.at >= wanted.since)
    if wanted.until is not None:
        clauses.append(_entry.c.at < wanted.until)
    for name in ("actor", "action", "subject_type"):
        value = getattr(wanted, name)
        if value is not None:
            clauses.append(_entry.c[name] == value)
    if wanted.segment is not None:
        clauses.append(_of_segment(session, wanted.segment))
    return clauses


# ---------------------------------------------------------------- one segment, whatever its name


@dataclass(slots=True)
class _Life:
    """A segment as the log tells it: the names it had, each from one entry to another."""

    type: str
    names: list[tuple[str, int, int | None]] = field(default_factory=list)
    """Name, its first entry, and its last one; None as long as it goes on."""
    folded: set[str] = field(default_factory=set)

    def called(self, name: str, since: int) -> None:
        self.end(since - 1)
        self.names.append((name, since, None))
        self.folded.add(fold(name))

    def end(self, last: int) -> None:
        if self.names:
            name, first, _ = self.names[-1]
            self.names[-1] = (name, first, last)

    def clause(self) -> sa.ColumnElement[bool]:
        spans = []
        for name, first, last in self.names:
            span = sa.and_(_names(self.type, name), _entry.c.id >= first)
            spans.append(span if last is None else sa.and_(span, _entry.c.id <= last))
        return sa.or_(*spans)


def _names(type: str, name: str) -> sa.ColumnElement[bool]:
    """Whether an entry is about the segment that is called so: itself, its pins, its rules."""
    pinned = sa.and_(
        _entry.c.subject_type.in_(("default", "pin")),
        sa.or_(_entry.c.subject == type, _entry.c.subject.endswith(f"/{type}", autoescape=True)),
        sa.or_(_entry.c.before == name, _entry.c.after == name),
    )
    own = _entry.c.subject == f"{type}/{name}"
    if type != ObjectType.CONTACT:
        return sa.or_(own, pinned)
    ruled = sa.and_(_entry.c.subject_type == "assignment", _entry.c.subject == name)
    return sa.or_(own, pinned, ruled)


def _of_segment(session: Session, ref: str) -> sa.ColumnElement[bool]:
    """The entries about a segment that is there, or else about all that were ever called so."""
    lives, living = _lives(session)
    row, type, name = _find(session, ref)
    if row is not None:
        # Made without segctl: all that the log can know is its name of today.
        unknown = _Life(row.object_type, [(row.name, 0, None)])
        return living.get((row.object_type, row.folded_name), unknown).clause()
    found = [life for life in lives if fold(name) in life.folded and type in (None, life.type)]
    if not found:
        raise NotFound(
            f'there is no segment "{name}", and the audit log knows none that was called so',
            hint=did_you_mean(name, [n for life in lives for n, _, _ in life.names])
            or "segctl segments list shows those that are there",
        )
    return sa.or_(*(life.clause() for life in found))


def _find(session: Session, ref: str) -> tuple[Segment | None, str | None, str]:
    """The segment that is there, if one is; the type that was named, and the name."""
    word = ref.strip()
    try:
        return find_row(session, word), None, word
    except UsageError as error:
        error.hint = f'write the type before the name: "contact/{word}"'
        raise
    except NotFound:
        type, slash, name = word.partition("/")
        if not slash or type not in SEGMENT_TYPES:
            return None, None, word
    try:
        return find_row(session, name, ObjectType(type)), type, name
    except NotFound:
        return None, type, name


def _lives(session: Session) -> tuple[list[_Life], dict[tuple[str, str], _Life]]:
    """All segments that the log knows, and those that are there by type and folded name."""
    query = (
        sa.select(_entry.c.id, _entry.c.action, _entry.c.subject, _entry.c.before)
        .where(
            _entry.c.subject_type == "segment",
            _entry.c.action.in_(("create", "rename", "delete")),
        )
        .order_by(_entry.c.id)
    )
    lives: list[_Life] = []
    living: dict[tuple[str, str], _Life] = {}

    def take(type: str, name: str) -> _Life:
        """The one that is called so until now; a new one if its creation is not in the log."""
        life = living.pop((type, fold(name)), None)
        if life is None:
            life = _Life(type, [(name, 0, None)], {fold(name)})
            lives.append(life)
        return life

    for id, action, subject, before in session.execute(query):
        type, _, name = subject.partition("/")
        if action == "delete":
            take(type, name).end(id)
            continue
        if action == "create":
            life = _Life(type)
            lives.append(life)
        else:
            life = take(type, before if isinstance(before, str) else name)
        life.called(name, id)
        living[type, fold(name)] = life
    return lives, living


def plain(entry: AuditEntry) -> dict[str, Any]:
    """An entry as programs read it."""
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject_type": entry.subject_type,
        "subject": entry.subject,
        "before": entry.before,
        "after": entry.after,
    }
