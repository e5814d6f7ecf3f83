"""Whether one value can pass some tests and fail others at once.

Each function answers for one kind of value and errs on one side only: False means that no value
can. True means no more than that none of the reasons known here rules it out.
"""

from collections.abc import Iterable, Sequence
import datetime as dt
from zoneinfo import ZoneInfo

from segctl.catalog import ValueType
from segctl.conditions import ranges, walk
from segctl.conditions.days import day_number
from segctl.conditions.fold import fold
from segctl.conditions.instants import instant_number
from segctl.conditions.nodes import (
    Anniversary,
    Comparison,
    Has,
    HasMode,
    IsFalse,
    IsSet,
    IsTrue,
    Item,
    NumberBetween,
    NumberIn,
    NumberVersus,
    Order,
    Part,
    Period,
    Test,
    TextIn,
    TextPart,
    TimeTest,
)
from segctl.conditions.offsets import offsets
from segctl.conditions.ranges import Range, Ranges
from segctl.conditions.time import Clock, intervals
from segctl.conditions.truth import passes

ANY_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""Where a form that does not move with now lies is the same at any clock."""


def number_fits(
    passed: Sequence[Test], failed: Sequence[Test], domain: Ranges, whole: bool
) -> bool:
    """A number of the domain; `whole`: without a fraction."""
    left = domain
    for test in passed:
        left = ranges.intersection(left, _numbers(test))
    for test in failed:
        left = ranges.intersection(left, ranges.complement(_numbers(test)))
    return not ranges.empty(left, whole)


def _numbers(test: Test) -> Ranges:
    match test:
        case NumberVersus(order, number):
            return (_versus(order, number),)
        case NumberBetween(low, high):
            return (Range(low, high),)
        case NumberIn(values):
            return ranges.points(values)
        case _:
            return ranges.EVERYTHING


def _versus(order: Order, number: float) -> Range:
    match order:
        case Order.LT:
            return Range(None, number, high_open=True)
        case Order.LE:
            return Range(None, number)
        case Order.EQ:
            return ranges.point(number)
        case Order.GE:
            return Range(number, None)
        case Order.GT:
            return Range(number, None, low_open=True)


# ---------------------------------------------------------------- booleans and texts


def boolean_fits(passed: Sequence[Test], failed: Sequence[Test]) -> bool:
    def fits(value: bool) -> bool:
        good = IsTrue() if value else IsFalse()
        bad = IsFalse() if value else IsTrue()
        return bad not in passed and good not in failed

    return fits(True) or fits(False)


def text_fits(
    passed: Sequence[Test], failed: Sequence[Test], choices: Sequence[str] | None = None
) -> bool:
    """A text; one of the choices if there are some."""
    candidates = None if choices is None else set(choices)
    for test in passed:
        if isinstance(test, TextIn) and not test.ignoring_case:
            values = set(test.values)
            candidates = values if candidates is None else candidates & values
    if candidates is not None:
        return any(_text_passes(value, passed, failed) for value in candidates)
    return _folded_fits(passed, failed)


def _text_passes(value: str, passed: Iterable[Test], failed: Iterable[Test]) -> bool:
    clock = Clock(ANY_TIME, ZoneInfo("UTC"))

    def good(test: Test) -> bool:
        return passes(test, value, ValueType.STRING, clock)

    return all(map(good, passed)) and not any(map(good, failed))


def _folded_fits(passed: Sequence[Test], failed: Sequence[Test]) -> bool:
    """A text of which nothing is known but what it folds to, or parts of that."""
    parts = [test for test in passed if isinstance(test, TextPart)]
    banned = [test for test in failed if isinstance(test, TextPart)]
    whole: set[str] | None = None
    for test in passed:
        if isinstance(test, TextIn) and test.ignoring_case:
            folded = set(map(fold, test.values))
            whole = folded if whole is None else whole & folded
    if whole is not None:
        for test in failed:
            if isinstance(test, TextIn) and test.ignoring_case:
                whole -= set(map(fold, test.values))
        return any(
            all(_has_part(text, part) for part in parts)
            and not any(_has_part(text, part) for part in banned)
            for text in whole
        )
    if any(_part_implies(part, other) for part in parts for other in banned):
        return False
    return not any(_clash(part, other) for part in parts for other in parts)


def _has_part(folded: str, part: TextPart) -> bool:
    wanted = fold(part.text)
    match part.part:
        case Part.CONTAINS:
            return wanted in folded
        case Part.STARTS:
            return folded.startswith(wanted)
        case Part.ENDS:
            return folded.endswith(wanted)


def _part_implies(known: TextPart, asked: TextPart) -> bool:
    """Whether a text with the one part has the other for sure."""
    if asked.part is not Part.CONTAINS and asked.part is not known.part:
        return False
    return _has_part(fold(known.text), asked)


def _clash(one: TextPart, other: TextPart) -> bool:
    """Two beginnings, or two ends, of which neither is a part of the other."""
    if one.part is not other.part or one.part is Part.CONTAINS:
        return False
    return not (_part_implies(one, other) or _part_implies(other, one))


# ---------------------------------------------------------------- lists


def items_fit(passed: Sequence[Test], failed: Sequence[Test]) -> bool:
    """A list with at least one item."""
    required: set[str] = set()
    banned: set[str] = set()
    allowed: set[str] | None = None
    for test in passed:
        if isinstance(test, Has) and (test.mode is HasMode.ALL or _single(test)):
            required |= set(test.items)
        if isinstance(test, Has) and test.mode is HasMode.ONLY:
            allowed = set(test.items) if allowed is None else allowed & set(test.items)
    for test in failed:
        if isinstance(test, Has) and (
            test.mode is HasMode.ANY or (test.mode is HasMode.ALL and len(test.items) == 1)
        ):
            banned |= set(test.items)
    if allowed is not None:
        allowed -= banned
        if not allowed or not required <= allowed:
            return False
    if required & banned:
        return False
    for test in passed:
        if isinstance(test, Has) and test.mode is HasMode.ANY:
            open_ = set(test.items) - banned
            if not (open_ if allowed is None else open_ & allowed):
                return False
    for test in failed:
        match test:
            case Has(HasMode.ALL, items) if set(items) <= required:
                return False
            case Has(HasMode.ONLY, items) if allowed is not None and allowed <= set(items):
                return False
            case _:
                pass
    return True


def _single(test: Has) -> bool:
    return test.mode is HasMode.ANY and len(test.items) == 1


# ---------------------------------------------------------------- times


def time_fits(
    passed: Sequence[Test], failed: Sequence[Test], kind: ValueType, zone: ZoneInfo
) -> bool:
    """A date or an instant, at some clock between the years 1000 and 9000."""
    periods = [test for test in passed if isinstance(test, Period)]
    if any(one.unit is other.unit and one != other for one in periods for other in periods):
        return False
    fixed, moving = ranges.EVERYTHING, ranges.EVERYTHING
    for test in passed:
        if walk.is_time_test(test):
            fixed = ranges.intersection(fixed, _fixed(test, kind, zone))
            if (found := offsets(test, kind)) is not None:
                moving = ranges.intersection(moving, (found.outer,))
    for test in failed:
        if walk.is_time_test(test):
            fixed = ranges.intersection(fixed, ranges.complement(_fixed(test, kind, zone, ())))
            if (found := offsets(test, kind)) is not None:
                moving = ranges.intersection(moving, ranges.complement((found.inner,)))
    return not ranges.empty(fixed, whole=True) and not ranges.empty(moving, whole=False)


def _fixed(
    test: TimeTest, kind: ValueType, zone: ZoneInfo, unknown: Ranges = ranges.EVERYTHING
) -> Ranges:
    """The days or microseconds that pass at any clock; `unknown` for what moves or recurs."""
    if isinstance(test, Anniversary) or walk.moves_with_time(Comparison(Item(), test)):
        return unknown
    number = instant_number if kind is ValueType.DATETIME else day_number
    found = intervals(test, kind, Clock(ANY_TIME, zone))
    return tuple(
        Range(
            None if one.low is None else number(one.low),  # type: ignore[arg-type]
            None if one.high is None else number(one.high),  # type: ignore[arg-type]
        )
        for one in found
        if not one.empty
    )


def is_present(test: Test) -> bool:
    """Whether the test asks for nothing but that there is a value."""
    return isinstance(test, IsSet)
