"""Whether any record at all can satisfy a condition, or fail to; and whether one implies another.

Sound and not complete: `impossible` means that no record satisfies it at any clock between the
years 1000 and 9000. What it does not see: one pattern against another, how a sum relates to a
count, dates against forms that move with now, conditions of more than a few hundred alternatives.
References to segments are taken as they stand; what the segment holds is not looked at.

The condition is written as alternatives of which each is a list of simple parts, true or false. An
alternative is impossible if the parts about one value leave no value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from zoneinfo import ZoneInfo

from segctl.catalog import ObjectType, ValueType
from segctl.conditions import domains, ranges
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
    Function,
    InSegment,
    IsSet,
    Item,
    Link,
    Not,
    NumberVersus,
    Operand,
    Or,
    Order,
    Test,
    Times,
)
from segctl.conditions.ranges import Range
from segctl.conditions.truth import kind_of

MOST = 200
"""Alternatives of a condition; what would make more is left out of account."""

_AT_LEAST_ONE = NumberVersus(Order.GE, 1)
_COUNT = (Range(0, None),)
_ORDERS = {
    Times.AT_LEAST: Order.GE,
    Times.AT_MOST: Order.LE,
    Times.MORE_THAN: Order.GT,
    Times.FEWER_THAN: Order.LT,
    Times.EXACTLY: Order.EQ,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A simple condition that holds, or does not."""

    condition: Condition
    holds: bool


_Parts = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Events:
    """How many events of a name there are, in a window."""

    node: EventCount


_Subject = Operand | _Events


@dataclass(slots=True)
class _Asked:
    """The tests that one value is to pass and to fail."""

    passed: list[Test] = field(default_factory=list)
    failed: list[Test] = field(default_factory=list)

    def __add__(self, other: "_Asked") -> "_Asked":
        return _Asked(self.passed + other.passed, self.failed + other.failed)


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """One way to satisfy a condition: what is asked of each value, and what else has to hold."""

    values: Mapping[_Subject, _Asked]
    facts: Mapping[Condition, bool]


@lru_cache(maxsize=4096)
def impossible(condition: Condition, zone: ZoneInfo) -> bool:
    """Whether no record can satisfy it. `zone` is that of the workspace."""
    return not alternatives(condition, zone)


def always(condition: Condition, zone: ZoneInfo) -> bool:
    """Whether every record satisfies it."""
    return impossible(Not(condition), zone)


def implies(first: Condition, second: Condition, zone: ZoneInfo) -> bool:
    """Whether every record that satisfies the first satisfies the second, too."""
    return excludes(alternatives(first, zone), alternatives(Not(second), zone), zone)


def excludes(first: Sequence[Alternative], second: Sequence[Alternative], zone: ZoneInfo) -> bool:
    """Whether no record satisfies an alternative of each."""
    return all(not _together(one, other, zone) for one in first for other in second)


def alternatives(condition: Condition, zone: ZoneInfo) -> list[Alternative]:
    """The condition as alternatives, those left out that are impossible.

    Where there would be too many, parts are left out, so that more records satisfy them.
    """
    found = (_possible(one, zone) for one in _alternatives(condition, True, zone))
    return [one for one in found if one is not None]


def _alternatives(condition: Condition, holds: bool, zone: ZoneInfo) -> list[_Parts]:
    match condition:
        case Not(item):
            return _alternatives(item, not holds, zone)
        case Everything():
            return [()] if holds else []
        case And(items) | Or(items):
            parts = [_alternatives(item, holds, zone) for item in items]
            if isinstance(condition, And) is holds:
                return _all_of(parts, zone)
            either = [one for part in parts for one in part]
            return either if len(either) <= MOST else [()]
        case _:
            return [(Part(condition, holds),)]


def _all_of(parts: list[list[_Parts]], zone: ZoneInfo) -> list[_Parts]:
    product: list[_Parts] = [()]
    for part in sorted(parts, key=len):
        if len(product) * len(part) > MOST:
            continue
        product = [(*one, *other) for one in product for other in part]
        if len(part) > 1:
            product = [one for one in product if _possible(one, zone) is not None]
    return product


# ---------------------------------------------------------------- one alternative


def _possible(parts: Iterable[Part], zone: ZoneInfo) -> Alternative | None:
    """All of the parts at once, with what follows from them; None if that is impossible."""
    values: dict[_Subject, _Asked] = {}
    facts: dict[Condition, bool] = {}
    waiting = list(parts)
    seen: set[Part] = set()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        if part.holds:
            waiting += _consequences(part.condition)
        match part.condition:
            case Any(many, where):
                count = Aggregate(Function.COUNT, many, None, where)
                waiting.append(Part(Comparison(count, _AT_LEAST_ONE), part.holds))
            case Comparison(operand, test):
                _ask(values, operand, test, part.holds)
            case EventCount(name, where, times, number, window):
                events = _Events(EventCount(name, where, Times.AT_LEAST, 1, window))
                _ask(values, events, NumberVersus(_ORDERS[times], number), part.holds)
            case fact:
                if facts.setdefault(fact, part.holds) is not part.holds:
                    return None
    if all(_fits(subject, asked, zone) for subject, asked in values.items()):
        return Alternative(values, facts)
    return None


def _together(one: Alternative, other: Alternative, zone: ZoneInfo) -> bool:
    """Whether two that are possible are so at once: only what both speak of can be against it."""
    facts = one.facts.keys() & other.facts.keys()
    if any(one.facts[fact] is not other.facts[fact] for fact in facts):
        return False
    shared = one.values.keys() & other.values.keys()
    return all(_fits(each, one.values[each] + other.values[each], zone) for each in shared)


def _ask(values: dict[_Subject, _Asked], subject: _Subject, test: Test, holds: bool) -> None:
    asked = values.setdefault(subject, _Asked())
    (asked.passed if holds else asked.failed).append(test)


def _consequences(condition: Condition) -> list[Part]:
    """What holds besides where the condition does."""
    found: list[Part] = []
    match condition:
        case Comparison(Field(hops) | Link(hops) as operand):
            found += (_is_set(Link(hops[:n])) for n in range(1, len(hops) + 1))
            if isinstance(operand, Field):
                found.append(_is_set(operand))
        case Comparison(Aggregate(Function.COUNT, many, None, where), test) if (
            test == _AT_LEAST_ONE
        ):
            found += (_is_set(Link(many.hops[:n])) for n in range(1, len(many.hops) + 1))
            if where is not None:
                every = Aggregate(Function.COUNT, many, None, None)
                found.append(Part(Comparison(every, _AT_LEAST_ONE), True))
            if isinstance(many, Field):
                found.append(_is_set(many))
        case InSegment(hops):
            found += (_is_set(Link(hops[:n])) for n in range(1, len(hops) + 1))
        case EventEdge(_, name, where):
            found.append(Part(EventCount(name, where, Times.AT_LEAST, 1, None), True))
        case EventCount(name, where, Times.AT_LEAST, number, window) if number >= 1:
            if window is not None:
                found.append(Part(EventCount(name, where, Times.AT_LEAST, number, None), True))
            if where is not None:
                found.append(Part(EventCount(name, None, Times.AT_LEAST, number, window), True))
    return found


def _is_set(operand: Operand) -> Part:
    return Part(Comparison(operand, IsSet()), True)


# ---------------------------------------------------------------- one value


def _fits(subject: _Subject, asked: _Asked, zone: ZoneInfo) -> bool:
    """Whether there is a value, or the lack of one, that passes and fails what it is to."""
    if any(test in asked.failed for test in asked.passed):
        return False
    if isinstance(subject, _Events):
        none = subject.node.where is not None and impossible(subject.node.where, zone)
        domain = (ranges.point(0),) if none else _COUNT
        return domains.number_fits(asked.passed, asked.failed, domain, whole=True)
    if not asked.passed and not _always_there(subject):
        return True  # without a value every test fails
    if any(domains.is_present(test) for test in asked.failed):
        return False
    return _value_fits(subject, asked, zone)


def _value_fits(subject: Operand, asked: _Asked, zone: ZoneInfo) -> bool:
    passed, failed = asked.passed, asked.failed
    kind = kind_of(subject)
    match subject:
        case Link():
            return True
        case Aggregate(Function.COUNT, where=where):
            none = where is not None and impossible(where, zone)
            return domains.number_fits(passed, failed, (ranges.point(0),) if none else _COUNT, True)
    if kind in (ValueType.INTEGER, ValueType.FLOAT):
        return domains.number_fits(passed, failed, ranges.EVERYTHING, kind is ValueType.INTEGER)
    if kind is ValueType.BOOLEAN:
        return domains.boolean_fits(passed, failed)
    if kind.many:
        return domains.items_fit(passed, failed)
    if kind in (ValueType.DATE, ValueType.DATETIME):
        return domains.time_fits(passed, failed, kind, zone)
    return domains.text_fits(passed, failed, _choices(subject))


def _always_there(subject: Operand) -> bool:
    match subject:
        case Item():
            return True
        case Aggregate(function):
            return function in (Function.COUNT, Function.SUM)
        case _:
            return False


def _choices(subject: Operand) -> tuple[str, ...] | None:
    """The texts that there can be. Events hold whatever their writers put into them."""
    if not isinstance(subject, Field):
        return None
    attribute = subject.attribute
    declared = attribute.kind is ValueType.CHOICE and attribute.type is not ObjectType.EVENT
    return attribute.choices if declared else None
