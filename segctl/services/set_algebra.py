"""The members of several segments, put together: both, either, one without the other."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType, did_you_mean
from segctl.errors import NotFound, SegctlError, SetError, UsageError
from segctl.services.members import DEFAULT_COLUMNS, Reader
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.services.set_expression import (
    SPECIAL,
    Expression,
    Name,
    Operation,
    Operator,
    names,
    parse,
)
from segctl.store.opening import Store
from segctl.store.reading import RecordColumn, Where, count_records
from segctl.store.records import record_tables
from segctl.store.tables import Segment
from segctl.store.workspace import load_catalog

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SetMembers:
    """Records as they stream in, and the segments that took part, each once."""

    segments: tuple[SegmentView, ...]
    columns: tuple[RecordColumn, ...]
    rows: Iterator[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SetCount:
    segments: tuple[SegmentView, ...]
    count: int

    @property
    def type(self) -> ObjectType:
        return self.segments[0].type


def is_expression(store: Store, text: str, type: ObjectType | None = None) -> bool:
    """Whether it is to be read as an expression: it looks like one, and no segment is called so."""
    if SPECIAL.search(text) is None:
        return False
    with store.read() as session:
        try:
            find_row(session, text, type)
        except NotFound:
            return True
        except UsageError:
            pass
    return False


@contextmanager
def stored(
    store: Store,
    text: str,
    *,
    type: ObjectType | None = None,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    limit: int | None = None,
) -> Iterator[SetMembers]:
    """The records that an expression over segments yields, by id, as last counted.

    SetError with the place in the text; SegctlError if a segment was never counted.
    """
    with store.read() as session:
        found = _Set(session, text, type)
        read = Reader(session, found.type, columns)
        yield SetMembers(found.segments, read.columns, read(found.where, limit))


def count(store: Store, text: str, *, type: ObjectType | None = None) -> SetCount:
    """How many records an expression over segments yields, as last counted."""
    with store.read() as session:
        found = _Set(session, text, type)
        tables = record_tables(load_catalog(session))
        return SetCount(
            found.segments, count_records(session, tables, found.type, where=found.where)
        )


class _Set:
    """An expression whose names are known. All its segments are of one type."""

    def __init__(self, session: Session, text: str, type: ObjectType | None) -> None:
        self._text = text
        self._expression = self._parsed(session)
        self.type, self._ids = self._resolve(session, type)
        views = {id: view(session, id) for id in self._ids.values()}
        self._counts: dict[int, int] = {}
        for each in views.values():
            if each.count is None:
                raise SegctlError(
                    f'the segment "{each.name}" was never counted',
                    hint=f'segctl recalc "{each.name}"',
                )
            self._counts[each.id] = each.count
        self.segments = tuple(views.values())
        self._member = record_tables(load_catalog(session)).member(self.type)

    @property
    def where(self) -> Where:
        """The records of the set, reached from as few members as can be."""
        drivers = self._drivers(self._expression)

        def clause(table: sa.FromClause) -> sa.ColumnElement[bool]:
            some = sa.select(self._member.c.record_id).where(
                self._member.c.segment_id.in_(sorted(drivers))
            )
            return table.c.id.in_(some) & self._clause(self._expression, table)

        return clause

    def _clause(self, expression: Expression, table: sa.FromClause) -> sa.ColumnElement[bool]:
        match expression:
            case Name():
                member = self._member.alias()
                return sa.exists().where(
                    member.c.segment_id == self._ids[expression], member.c.record_id == table.c.id
                )
            case Operation(operator, first, second):
                one, other = self._clause(first, table), self._clause(second, table)
                if operator is Operator.OR:
                    return sa.or_(one, other)
                return sa.and_(one, other if operator is Operator.AND else sa.not_(other))
            case _:
                assert_never(expression)

    def _drivers(self, expression: Expression) -> frozenset[int]:
        """Segments that have all records of the set among their members."""
        match expression:
            case Name():
                return frozenset([self._ids[expression]])
            case Operation(Operator.OR, first, second):
                return self._drivers(first) | self._drivers(second)
            case Operation(Operator.MINUS, first, _):
                return self._drivers(first)
            case Operation(_, first, second):
                return min(self._drivers(first), self._drivers(second), key=self._size)
            case _:
                assert_never(expression)

    def _size(self, drivers: frozenset[int]) -> int:
        return sum(self._counts[id] for id in drivers)

    def _parsed(self, session: Session) -> Expression:
        try:
            return parse(self._text)
        except SetError as error:
            # A name that nobody quoted explains more than what the grammar makes of it.
            for name in session.execute(sa.select(_segment.c.name)).scalars():
                special = SPECIAL.search(name) or " " in name
                if special and f'"{name}"' not in self._text and name in self._text:
                    error.hint = _quote_it(name)
            raise

    # ------------------------------------------------------------ names

    def _resolve(
        self, session: Session, type: ObjectType | None
    ) -> tuple[ObjectType, Mapping[Name, int]]:
        """The type that has all of the names, and their ids."""
        wanted = list(names(self._expression))
        types = SEGMENT_TYPES if type is None else (type,)
        known: dict[Name, dict[ObjectType, int]] = {}
        for name in wanted:
            known[name] = {}
            for each in types:
                with suppress(NotFound):
                    known[name][each] = find_row(session, name.name, each).id
            if not known[name]:
                raise self._unknown(session, name, type)
        fitting = [each for each in types if all(each in found for found in known.values())]
        if len(fitting) > 1:
            raise UsageError(
                "there are segments of these names of " + " and of ".join(fitting),
                hint=f"--type {fitting[0]}",
            )
        if not fitting:
            raise self._several_types(wanted, known)
        return fitting[0], {name: found[fitting[0]] for name, found in known.items()}

    def _unknown(self, session: Session, name: Name, type: ObjectType | None) -> SetError:
        query = sa.select(_segment.c.name)
        if type is not None:
            query = query.where(_segment.c.object_type == type.value)
        known = list(session.execute(query).scalars())
        glued = next((each for each in known if self._is_part(name, each)), None)
        if glued is not None:
            hint = _quote_it(glued)
        else:
            quoted = '"' in self._text or "'" in self._text
            whole = None if quoted else did_you_mean(self._text, known)
            nearest = whole or did_you_mean(name.name, known)
            hint = nearest or "segctl segments list shows them all"
        of = f" of {type}" if type else ""
        return SetError(
            f'there is no segment "{name.name}"{of}',
            text=self._text,
            start=name.start,
            end=name.end,
            hint=hint,
        )

    def _is_part(self, name: Name, known: str) -> bool:
        """Whether a segment is called so, without quotes, of which this name is a part."""
        place = self._text.lower().find(known.lower())
        longer = len(known) > name.end - name.start
        return longer and 0 <= place <= name.start and name.end <= place + len(known)

    def _several_types(
        self, wanted: Sequence[Name], known: Mapping[Name, Mapping[ObjectType, int]]
    ) -> SetError:
        first = wanted[0]
        other = next(
            (name for name in wanted if known[name].keys().isdisjoint(known[first])), wanted[-1]
        )
        one, two = (next(iter(known[name])) for name in (first, other))
        return SetError(
            f'"{other.name}" is a segment of {two} and "{first.name}" one of {one}: only segments '
            "of one type have records in common",
            text=self._text,
            start=other.start,
            end=other.end,
        )


def _quote_it(name: str) -> str:
    return f'there is a segment "{name}": a name with operators or blanks is quoted'
