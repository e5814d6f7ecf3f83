"""Candidates as sets of ids in a temporary table, each made once for all segments that need it.

The sets live in one transaction: they are as old as what is evaluated with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import datetime as dt
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import RELATIONS, Attribute, ObjectType, Storage
from segctl.conditions.sql import Scope
from segctl.conditions.sql.related import row_value
from segctl.conditions.sql.scope import Row
from segctl.conditions.sql.times import within
from segctl.conditions.time import Clock, Interval
from segctl.engine.boundaries import crossed
from segctl.engine.influences import (
    Crossed,
    Influence,
    Joined,
    Left,
    Owning,
    Pointing,
    Written,
    leaf,
)
from segctl.engine.rowcount import written
from segctl.engine.seen import changed_members
from segctl.store import trace

SLACK = 1.25
"""A segment takes the sets of an older watermark that has not seen up to so many times as much."""
FORMS = 30
"""Forms of time that one scan of a table looks for."""
ANALYZE_FROM = 1_000
"""Rows of a set from which on Postgres should know how many there are."""

_metadata = sa.MetaData()
_set = sa.Table(
    "segctl_set", _metadata, sa.Column("place", sa.BigInteger), sa.Column("id", sa.BigInteger)
)
_scan = sa.Table(
    "segctl_scan", _metadata, sa.Column("id", sa.BigInteger), sa.Column("forms", sa.BigInteger)
)
_CREATE = {
    "sqlite": (
        "CREATE TEMP TABLE IF NOT EXISTS segctl_set "
        "(place INTEGER, id INTEGER, PRIMARY KEY (place, id)) WITHOUT ROWID",
        "CREATE TEMP TABLE IF NOT EXISTS segctl_scan (id INTEGER PRIMARY KEY, forms INTEGER)",
        "DELETE FROM temp.segctl_set",
    ),
    "postgresql": (
        "CREATE TEMP TABLE IF NOT EXISTS segctl_set "
        "(place bigint, id bigint, PRIMARY KEY (place, id)) ON COMMIT DELETE ROWS",
        "CREATE TEMP TABLE IF NOT EXISTS segctl_scan (id bigint, forms bigint) "
        "ON COMMIT DELETE ROWS",
    ),
}


class Untold(Exception):
    """Which records are candidates cannot be told, so all of them are; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The part of the trace after a watermark, with what was written in it."""

    number: int
    seen: Mapping[str, Any]
    written: Mapping[ObjectType, trace.Written]


@dataclass(frozen=True, slots=True)
class Past:
    """What the members of a segment were evaluated with.

    `references` are the segments that it reads and the last run of each that it saw.
    """

    stretch: Stretch
    clock: Clock
    references: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A set in the temporary table; number 0 is the empty one."""

    number: int
    size: int


EMPTY = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The records of some sets. `size` counts each once."""

    places: frozenset[Place]
    size: int

    def select(self) -> sa.Select[tuple[int]]:
        """SELECT id, each once."""
        numbers = sorted(place.number for place in self.places)
        if len(numbers) == 1:
            return sa.select(_set.c.id).where(_set.c.place == numbers[0])
        return sa.select(_set.c.id).where(_set.c.place.in_(numbers)).distinct()


def stretches(session: Session, watermarks: Sequence[Mapping[str, Any]]) -> list[Stretch]:
    """For each watermark a part of the trace that holds all it has not seen, and little more."""
    sizes = trace.unseen(session, watermarks)
    found: list[Stretch] = [Stretch(0, watermark, {}) for watermark in watermarks]
    current: tuple[int, Stretch] | None = None
    for place in sorted(range(len(sizes)), key=lambda place: -sizes[place]):
        if sizes[place] == 0:
            break
        if current is None or current[0] > SLACK * sizes[place]:
            seen = watermarks[place]
            stretch = Stretch(place + 1, seen, trace.written_since(session, seen))
            current = sizes[place], stretch
        found[place] = current[1]
    return found


@dataclass(slots=True)
class Sets:
    """The sets of one transaction. `scope` has the clock of the evaluation."""

    session: Session
    scope: Scope
    _places: dict[tuple[Influence, object], Place] = field(default_factory=dict)
    _sizes: dict[frozenset[Place], int] = field(default_factory=dict)
    _last: int = 0

    def candidates(self, influences: Iterable[Influence], past: Past) -> Candidates:
        """The records in any of the sets; Untold if that may be every one."""
        places = frozenset(self.place(one, past) for one in influences) - {EMPTY}
        return Candidates(places, self._size(places))

    def place(self, influence: Influence, past: Past) -> Place:
        """Where the set is, made if it is not there yet."""
        key = influence, _basis(influence, past)
        if key not in self._places:
            self._places[key] = self._fill(influence, past)
        return self._places[key]

    def scan(self, wanted: Iterable[tuple[Influence, Past]]) -> None:
        """Make the sets of forms of time that need a look at every record, in few looks.

        On values with an index the store finds them without one.
        """
        forms: dict[ObjectType, dict[tuple[Crossed, dt.datetime], tuple[Interval, ...]]] = {}
        for influence, past in wanted:
            start = leaf(influence)
            if not isinstance(start, Crossed) or start.event is not None or _in_json(start):
                continue
            if spans := self._spans(start, past.clock):
                forms.setdefault(start.type, {})[start, past.clock.now] = spans
        for type, some in forms.items():
            together = list(some.items())
            for first in range(0, len(together), FORMS):
                self._scan(type, dict(together[first : first + FORMS]))

    def _scan(
        self, type: ObjectType, forms: Mapping[tuple[Crossed, dt.datetime], tuple[Interval, ...]]
    ) -> None:
        if len(forms) == 1:
            return  # it is made when it is needed
        row = self._row(type)
        tests = [self._within(row, form.attribute, spans) for (form, _), spans in forms.items()]
        bits = [sa.case((test, 1 << place), else_=0) for place, test in enumerate(tests)]
        total: sa.ColumnElement[int] = bits[0]
        for bit in bits[1:]:
            total = total + bit
        ids = sa.select(row.table.c.id, total).where(sa.or_(*tests))
        self._create()
        self.session.execute(sa.delete(_scan))
        self.session.execute(sa.insert(_scan).from_select(["id", "forms"], ids))
        for place, key in enumerate(forms):
            mine = _scan.c.forms.bitwise_and(1 << place) != 0
            self._places[key] = self._put(sa.select(_scan.c.id).where(mine))

    def _fill(self, influence: Influence, past: Past) -> Place:
        match influence:
            case Written(type):
                if type not in past.stretch.written:
                    return EMPTY
                written = trace.changed_since(self.session, past.stretch.seen, type)
                if written is None:
                    raise Untold(f"any {type} may have changed")
                return self._put(written)
            case Left(relation):
                if relation.source not in past.stretch.written:
                    return EMPTY
                return self._put(trace.left_since(self.session, past.stretch.seen, relation))
            case Crossed(attribute, _, event):
                spans = self._spans(influence, past.clock)
                if not spans:
                    return EMPTY
                if _in_json(influence):
                    raise Untold(f"{attribute} came of age, and values of events have no index")
                row = self._row(influence.type)
                ids = sa.select(row.table.c.id).where(self._within(row, attribute, spans))
                return self._put(ids if event is None else ids.where(row.table.c.name == event))
            case Joined(segment):
                changed = changed_members(segment, past.references[segment])
                return self._put(changed.distinct())
            case Pointing(relation, to):
                inner = self.place(to, past)
                if inner is EMPTY:
                    return EMPTY
                table = self.scope.tables.record(relation.source)
                return self._put(
                    sa.select(table.c.id).where(_among(table.c[relation.column], inner))
                )
            case Owning(relation, some):
                inner = self.place(some, past)
                if inner is EMPTY:
                    return EMPTY
                if relation.storage is Storage.LINK:
                    source: sa.Table = self.scope.tables.link()
                    key = source.c[RELATIONS[relation.target][relation.inverse].column]
                else:
                    source = self.scope.tables.record(relation.target)
                    key = source.c.id
                owner = source.c[relation.column]
                ids = sa.select(owner).where(_among(key, inner), owner.is_not(None))
                return self._put(ids.distinct())
            case _:
                assert_never(influence)

    def _put(self, ids: sa.Select[tuple[int]]) -> Place:
        """Keep what a query gives, which is each id once."""
        self._create()
        self._last += 1
        found = ids.subquery()
        rows = sa.select(sa.literal(self._last, sa.BigInteger), next(iter(found.c)))
        size = written(self.session, sa.insert(_set).from_select(["place", "id"], rows))
        if size >= ANALYZE_FROM and not self.scope.sqlite:
            self.session.execute(sa.text("ANALYZE segctl_set"))
        return Place(self._last, size) if size else EMPTY

    def _create(self) -> None:
        if self._last == 0:
            for statement in _CREATE[self.scope.dialect]:
                self.session.connection().exec_driver_sql(statement)
            self._last = 1

    def _size(self, places: frozenset[Place]) -> int:
        if len(places) < 2:
            return sum(place.size for place in places)
        if places not in self._sizes:
            numbers = [place.number for place in places]
            each = sa.select(_set.c.id).where(_set.c.place.in_(numbers)).distinct().subquery()
            counted = sa.select(sa.func.count()).select_from(each)
            self._sizes[places] = self.session.execute(counted).scalar_one()
        return self._sizes[places]

    def _spans(self, form: Crossed, before: Clock) -> tuple[Interval, ...]:
        return crossed(form.test, form.attribute.kind, before, self.scope.clock)

    def _row(self, type: ObjectType) -> Row:
        return Row(type, self.scope.tables.record(type))

    def _within(
        self, row: Row, attribute: Attribute, spans: Sequence[Interval]
    ) -> sa.ColumnElement[bool]:
        return within(spans, row_value(row, attribute, self.scope), self.scope).sql


def _basis(influence: Influence, past: Past) -> object:
    """What of a segment's past the set depends on."""
    start = leaf(influence)
    match start:
        case Written() | Left():
            return past.stretch.number
        case Crossed():
            return past.clock.now
        case Joined(segment):
            return past.references[segment]
        case _:
            assert_never(start)


def _among(column: sa.ColumnElement[Any], place: Place) -> sa.ColumnElement[bool]:
    return column.in_(sa.select(_set.c.id).where(_set.c.place == place.number))


def _in_json(form: Crossed) -> bool:
    return form.type is ObjectType.EVENT and not form.attribute.standard
