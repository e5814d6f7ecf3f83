"""What each condition of a segment costs, measured on the store itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import Attribute, ObjectType
from segctl.conditions import printer, walk
from segctl.conditions.nodes import (
    And,
    Anniversary,
    Comparison,
    Condition,
    Field,
    IsFalse,
    IsTrue,
    Not,
    NumberBetween,
    NumberIn,
    NumberVersus,
    Or,
    Test,
    TextIn,
)
from segctl.conditions.sql import matching
from segctl.engine.definition import load_definition, vocabulary
from segctl.engine.measuring import Measured, measure
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store import indexes
from segctl.store.attribute_ddl import is_column
from segctl.store.opening import Store

SELECTIVE = 0.1
"""An index helps a condition that no more than this part of the records satisfies."""
MANY = 1_000
"""Fewer records are looked through in no time."""


@dataclass(frozen=True, slots=True)
class Part:
    """One condition of a segment, run for itself over all records of the type.

    `share` is its part of the time of all conditions. `indexes` are those that the store took,
    `helps` the command that adds one which would help, or None.
    """

    condition: str
    rows_in: int
    rows_out: int
    seconds: float
    share: float
    indexes: tuple[str, ...]
    blocks: int | None
    helps: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """The conditions in the order in which they are written, and the whole as it is evaluated.

    The whole often takes less than the sum: the store stops at the first condition that fails.
    """

    segment: SegmentView
    parts: Sequence[Part]
    whole: Part


def profile(store: Store, ref: str, *, type: ObjectType | None = None, now: dt.datetime) -> Profile:
    """Time a segment's conditions one by one at `now`. Nothing is stored."""
    with store.read() as session:
        segment = view(session, find_row(session, ref, type).id)
        words = vocabulary(session)
        condition = load_definition(session, segment.id, words).condition
        scope = words.scope(session, now)
        record = scope.tables.record(segment.type)
        # This also brings the records into memory, so that the first condition does not pay for it.
        total = session.execute(sa.select(sa.func.count()).select_from(record)).scalar_one()
        found = [
            (part, measure(session, matching(part, segment.type, scope)))
            for part in _parts(condition)
        ]
        whole = measure(session, matching(condition, segment.type, scope))
        spent = sum(measured.seconds for _, measured in found) or 1e-9
        parts = [
            _part(
                part,
                measured,
                total,
                measured.seconds / spent,
                _help(session, part, measured, total),
            )
            for part, measured in found
        ]
        return Profile(segment, parts, _part(condition, whole, total, 1.0, None))


def _part(
    condition: Condition, measured: Measured, total: int, share: float, helps: str | None
) -> Part:
    return Part(
        printer.to_text(condition),
        total,
        measured.rows,
        measured.seconds,
        share,
        measured.indexes,
        measured.blocks,
        helps,
    )


def _parts(condition: Condition) -> Iterator[Condition]:
    """What is joined by and, or and not, each with the not that stands before it."""
    match condition:
        case And(items) | Or(items):
            for item in items:
                yield from _parts(item)
        case Not(And(items) | Or(items)):
            for item in items:
                yield from _parts(Not(item))
        case _:
            yield condition


def _help(session: Session, condition: Condition, measured: Measured, total: int) -> str | None:
    """The command that adds the index which would help; None where none would, or one does."""
    attribute = _indexable(condition)
    if attribute is None or total < MANY or measured.rows > SELECTIVE * total:
        return None
    if indexes.serving(session, attribute.type, [attribute.name]) is not None:
        return None
    return f"segctl store index add {attribute.type} {attribute.name}"


def _indexable(condition: Condition) -> Attribute | None:
    """The column that a condition compares in a way that an index serves."""
    match condition:
        case Comparison(Field(_, attribute), test) if is_column(attribute) and _served(test):
            return attribute
    return None


def _served(test: Test) -> bool:
    match test:
        case NumberVersus() | NumberBetween() | NumberIn() | IsTrue() | IsFalse():
            return True
        case TextIn(ignoring_case=ignoring):
            return not ignoring
        case Anniversary():
            return False
    return walk.is_time_test(test)
