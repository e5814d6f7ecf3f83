"""What can change whether a record satisfies a condition, as sets of records.

An influence names a set of ids: records that were written, whose dates have come of age, that
entered or left a segment; and, through relations, the records that are related to these. The
candidates of an incremental recalculation are the records in any of the influences of a condition:
all others satisfy it today if they did before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from segctl.catalog import RELATIONS, STANDARD, Attribute, ObjectType, Relation, Storage
from segctl.conditions import walk
from segctl.conditions.nodes import (
    Aggregate,
    And,
    Any,
    Comparison,
    Condition,
    EventCount,
    EventEdge,
    Everything,
    Field,
    InSegment,
    Item,
    Link,
    Many,
    Not,
    Operand,
    Or,
    Test,
    TimeTest,
)


@dataclass(frozen=True, slots=True)
class Written:
    """The records of a type that were written, or had an item or a link written; some are gone."""

    type: ObjectType


@dataclass(frozen=True, slots=True)
class Left:
    """The records that one of the relation's source was related to before.

    The relation is to one, or deal.products.
    """

    relation: Relation

    @property
    def type(self) -> ObjectType:
        return self.relation.target


@dataclass(frozen=True, slots=True)
class Crossed:
    """The records whose value passes the test at one clock and not at the other.

    `event` is the name of the only events that count.
    """

    attribute: Attribute
    test: TimeTest
    event: str | None = None

    @property
    def type(self) -> ObjectType:
        return self.attribute.type


@dataclass(frozen=True, slots=True)
class Joined:
    """The records that entered or left a segment."""

    segment: int
    type: ObjectType


@dataclass(frozen=True, slots=True)
class Pointing:
    """The records whose relation to one leads to a record of the other set."""

    relation: Relation
    to: "Influence"

    @property
    def type(self) -> ObjectType:
        return self.relation.source


@dataclass(frozen=True, slots=True)
class Owning:
    """The records whose relation to many leads to a record of the other set."""

    relation: Relation
    some: "Influence"

    @property
    def type(self) -> ObjectType:
        return self.relation.source


Influence = Written | Left | Crossed | Joined | Pointing | Owning
Leaf = Written | Left | Crossed | Joined

_EVENTS = Many((), RELATIONS[ObjectType.CONTACT]["events"])
_OCCURRED_AT = STANDARD[ObjectType.EVENT]["occurred_at"]
_PRODUCTS = RELATIONS[ObjectType.DEAL]["products"]


def influences(condition: Condition, type: ObjectType) -> frozenset[Influence]:
    """All of a condition about records of `type`; each is a set of ids of that type."""
    return frozenset((Written(type), *_of(condition)))


def leaf(influence: Influence) -> Leaf:
    """Where a way through relations begins."""
    while isinstance(influence, Pointing | Owning):
        influence = influence.to if isinstance(influence, Pointing) else influence.some
    return influence


def _of(condition: Condition | None) -> Iterator[Influence]:
    """Those besides the records themselves."""
    match condition:
        case None | Everything():
            pass
        case And(items) | Or(items):
            for item in items:
                yield from _of(item)
        case Not(item):
            yield from _of(item)
        case Comparison(operand, test):
            yield from _of_operand(operand, test)
        case Any(many, where):
            yield from _many(many, _of(where))
        case EventCount(name, where, _, _, window):
            moved = () if window is None else _crossed(_OCCURRED_AT, window, name)
            yield from _many(_EVENTS, (*_of(where), *moved))
        case EventEdge(_, name, where, when, having):
            moved = () if when is None else _crossed(_OCCURRED_AT, when, name)
            yield from _many(_EVENTS, (*_of(where), *_of(having), *moved))
        case InSegment(hops, type, _, segment):
            joined: Influence = Joined(segment, type)
            if not hops:
                yield joined
            else:
                # Its member is asked by the id alone, so the record itself does not matter.
                yield from _along(hops[:-1], [Pointing(hops[-1], joined)])
        case _:
            assert_never(condition)


def _of_operand(operand: Operand, test: Test) -> list[Influence]:
    match operand:
        case Field(hops, attribute):
            return _along(hops, _crossed(attribute, test))
        case Link(hops):
            return _along(hops[:-1], ())
        case Item():
            return []
        case Aggregate(_, many, attribute, where):
            dates = () if attribute is None else _crossed(attribute, test)
            return _many(many, (*_of(where), *dates))
        case _:
            assert_never(operand)


def _crossed(attribute: Attribute, test: Test, event: str | None = None) -> tuple[Influence, ...]:
    return (Crossed(attribute, test, event),) if walk.is_time_test(test) else ()


def _along(hops: Iterable[Relation], end: Iterable[Influence]) -> list[Influence]:
    """Of a path to one: each record that it leads through, and what matters at its end."""
    found = list(end)
    for hop in reversed(tuple(hops)):
        found = [Pointing(hop, one) for one in (*found, Written(hop.target))]
    return found


def _many(many: Many | Field, inside: Iterable[Influence]) -> list[Influence]:
    """Of related records, or of items, which are written with their record."""
    if isinstance(many, Field):
        return _along(many.hops, ())
    relation = many.relation
    some = dict.fromkeys((Written(relation.target), *inside))
    end: list[Influence] = [Owning(relation, one) for one in some]
    if relation.storage is Storage.CHILD:
        end.append(Left(RELATIONS[relation.target][relation.inverse]))
    elif relation.source is _PRODUCTS.target:
        end.append(Left(_PRODUCTS))  # the deal of a link is written with it
    return _along(many.hops, end)
