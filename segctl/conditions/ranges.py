"""Sets of numbers as ranges, for the question whether anything is left in them."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

Number = int | float


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; None is unbounded, an open end does not belong to it."""

    low: Number | None = None
    high: Number | None = None
    low_open: bool = False
    high_open: bool = False

    def holds_any(self, whole: bool) -> bool:
        """Whether a number lies in it; `whole`: one without a fraction."""
        if self.low is None or self.high is None:
            return True
        if not whole:
            closed = not (self.low_open or self.high_open)
            return self.low < self.high or (self.low == self.high and closed)
        first, last = math.ceil(self.low), math.floor(self.high)
        first += first == self.low and self.low_open
        last -= last == self.high and self.high_open
        return first <= last


Ranges = tuple[Range, ...]
"""A set: ascending, without overlaps."""

EVERYTHING: Ranges = (Range(),)


def point(value: Number) -> Range:
    return Range(value, value)


def points(values: Sequence[Number]) -> Ranges:
    return tuple(point(value) for value in sorted(set(values)))


def intersection(first: Ranges, second: Ranges) -> Ranges:
    """What lies in both; ranges without a number in them are left out."""
    both = (_overlap(one, other) for one in first for other in second)
    return tuple(range for range in both if range.holds_any(whole=False))


def complement(ranges: Ranges) -> Ranges:
    """All numbers that do not lie in the set."""
    rest = EVERYTHING
    for range in ranges:
        outside = []
        if range.low is not None:
            outside.append(Range(None, range.low, high_open=not range.low_open))
        if range.high is not None:
            outside.append(Range(range.high, None, low_open=not range.high_open))
        rest = intersection(rest, tuple(outside))
    return rest


def empty(ranges: Ranges, whole: bool) -> bool:
    return not any(range.holds_any(whole) for range in ranges)


def _overlap(one: Range, other: Range) -> Range:
    low, low_open = one.low, one.low_open
    if other.low is not None and (low is None or (other.low, other.low_open) > (low, low_open)):
        low, low_open = other.low, other.low_open
    high, high_open = one.high, one.high_open
    if other.high is not None and (
        high is None or (other.high, not other.high_open) < (high, not high_open)
    ):
        high, high_open = other.high, other.high_open
    return Range(low, high, low_open, high_open)
