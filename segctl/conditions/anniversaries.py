"""The days of 1900 to 2100 on which the month and day of other days recur."""

import calendar
from collections.abc import Sequence

from segctl.conditions.days import civil, day_of

_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LEAP_YEAR = 2000
"""A year that has all 366 pairs of month and day."""
_LEAP_DAY = (2, 29)


def anniversaries(first: int, last: int) -> Sequence[tuple[int, int]]:
    """The days of 1900 to 2100 whose month and day recur from `first` to `last`.

    Ascending runs (first, last) of days, merged where they touch.
    """
    wanted = set()
    for day in range(first, min(last, first + 366) + 1):
        year, month, of_month = civil(day)
        wanted.add((month, of_month))
        if (month, of_month) == (2, 28) and not calendar.isleap(year):
            wanted.add(_LEAP_DAY)
    runs: list[tuple[int, int]] = []
    for low, high in _runs(wanted):
        for year in range(_FIRST_YEAR, _LAST_YEAR + 1):
            # 29 February of a common year: as a last day it is the 28th, as a first 1 March.
            start = day_of(year, 3, 1) if low == _LEAP_DAY else day_of(year, *low)
            if low == _LEAP_DAY and calendar.isleap(year):
                start -= 1
            runs.append((start, day_of(year, *high)))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(run for run in runs if run[0] <= run[1]):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _runs(wanted: set[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The wanted pairs of month and day as runs within one year that has them all."""
    runs: list[tuple[tuple[int, int], tuple[int, int]]] = []
    previous = None
    for day in range(day_of(_LEAP_YEAR, 1, 1), day_of(_LEAP_YEAR + 1, 1, 1)):
        _, month, of_month = civil(day)
        pair = (month, of_month)
        if pair in wanted:
            if previous in wanted and runs:
                runs[-1] = (runs[-1][0], pair)
            else:
                runs.append((pair, pair))
        previous = pair
    return runs
