"""A segment's definition as the engine reads it: text, tree, hash."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
import hashlib
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import Catalog, ObjectType
from segctl.conditions import parser, printer, walk
from segctl.conditions.fold import fold
from segctl.conditions.nodes import Condition
from segctl.conditions.sql import Scope
from segctl.conditions.time import Clock
from segctl.errors import ConditionError, NotFound
from segctl.store.records import record_tables
from segctl.store.tables import Segment
from segctl.store.workspace import load_catalog, load_workspace

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]


class StoredNames:
    """The segments of a store as conditions find them, in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[ObjectType, dict[str, tuple[int, str]]] = {}

    def find(self, type: ObjectType, name: str) -> tuple[int, str] | None:
        return self._of(type).get(fold(name))

    def names(self, type: ObjectType) -> Sequence[str]:
        return [name for _, name in self._of(type).values()]

    def _of(self, type: ObjectType) -> dict[str, tuple[int, str]]:
        if type not in self._known:
            rows = self._session.execute(
                sa.select(_segment.c.folded_name, _segment.c.id, _segment.c.name)
                .where(_segment.c.object_type == type.value)
                .order_by(_segment.c.id)
            )
            self._known[type] = {row.folded_name: (row.id, row.name) for row in rows}
        return self._known[type]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a condition is read with: the words of the workspace, as one transaction sees them."""

    catalog: Catalog
    names: StoredNames
    zone: ZoneInfo

    def parse(self, text: str, type: ObjectType) -> Condition:
        return parser.parse(text, type, self.catalog, self.names)

    def scope(self, session: Session, now: dt.datetime) -> Scope:
        """Where a condition is evaluated at `now`."""
        dialect = session.get_bind().dialect.name
        return Scope(record_tables(self.catalog), dialect, Clock(now, self.zone))

    def hash(self, type: ObjectType, condition: Condition) -> str:
        """Equal for equal meanings. The zone takes part only if the condition looks at time."""
        parts = [type.value, printer.definition_text(condition)]
        if walk.has_time_forms(condition):
            parts.append(self.zone.key)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def vocabulary(session: Session) -> Vocabulary:
    """The words as this transaction sees them."""
    return Vocabulary(
        load_catalog(session), StoredNames(session), ZoneInfo(load_workspace(session).timezone)
    )


@dataclass(frozen=True, slots=True)
class Definition:
    """A segment that can be evaluated. `hash` is the stored one: what the commit compares."""

    id: int
    name: str
    type: ObjectType
    text: str
    condition: Condition
    hash: str
    max_change: str | None
    """Its own guard, else that of the workspace."""


def load_segment(session: Session, id: int) -> Segment:
    """The row; NotFound if it was deleted."""
    segment = session.get(Segment, id)
    if segment is None:
        raise NotFound(f"segment {id} was deleted")
    return segment


def load_definition(session: Session, id: int, words: Vocabulary) -> Definition:
    """The segment with its condition read.

    ConditionError if that is no longer possible: an attribute, an option or a segment that it
    names has gone since it was written.
    """
    segment = load_segment(session, id)
    type = ObjectType(segment.object_type)
    try:
        condition = words.parse(segment.condition, type)
    except ConditionError as error:
        error.hint = error.hint or f'segctl segments edit "{segment.name}" mends its condition'
        raise
    limit = segment.max_change or load_workspace(session).max_change
    return Definition(
        id, segment.name, type, segment.condition, condition, segment.definition_hash, limit
    )
