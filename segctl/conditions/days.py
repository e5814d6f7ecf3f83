"""Calendar days as numbers: days since 0001-01-01, which was a Monday.

Numbers have no year 10000 to fall over, so only a finished bound is clamped (`date_of`).
"""

import calendar
from collections.abc import Iterable
import datetime as dt
from typing import assert_never

from segctl.conditions.nodes import Shift, Unit, Which

_ERA_DAYS = 146_097
"""Days of 400 years, after which the calendar repeats."""
LAST_DAY = dt.date.max.toordinal() - 1


def day_number(value: dt.date) -> int:
    return value.toordinal() - 1


def date_of(day: int) -> dt.date:
    return dt.date.fromordinal(min(max(day, 0), LAST_DAY) + 1)


def civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of month; the year may lie outside 1 to 9999."""
    era, rest = divmod(day, _ERA_DAYS)
    date = dt.date.fromordinal(rest + 1)
    return era * 400 + date.year, date.month, date.day


def day_of(year: int, month: int, day: int) -> int:
    """The day of that date; a day of month beyond the month's end becomes its last day."""
    era, rest = divmod(year - 1, 400)
    last = calendar.monthrange(rest + 1, month)[1]
    return era * _ERA_DAYS + day_number(dt.date(rest + 1, month, min(day, last)))


def moved_day(day: int, amount: int, unit: Unit) -> int:
    match unit:
        case Unit.DAY:
            return day + amount
        case Unit.WEEK:
            return day + 7 * amount
        case Unit.MONTH:
            months = amount
        case Unit.QUARTER:
            months = 3 * amount
        case Unit.YEAR:
            months = 12 * amount
        case Unit.SECOND | Unit.MINUTE | Unit.HOUR:
            raise ValueError(f"a day cannot be moved by {unit}s")
        case _:
            assert_never(unit)
    year, month, of_month = civil(day)
    years, month0 = divmod(month - 1 + months, 12)
    return day_of(year + years, month0 + 1, of_month)


def shifted_day(day: int, shifts: Iterable[Shift]) -> int:
    for shift in shifts:
        day = moved_day(day, shift.amount, shift.unit)
    return day


def period(which: Which, unit: Unit, today: int) -> tuple[int, int]:
    """First and last day of this, the last or the next week, month, quarter or year."""
    year, month, _ = civil(today)
    match unit:
        case Unit.WEEK:
            start = today - today % 7
        case Unit.MONTH:
            start = day_of(year, month, 1)
        case Unit.QUARTER:
            start = day_of(year, month - (month - 1) % 3, 1)
        case Unit.YEAR:
            start = day_of(year, 1, 1)
        case Unit.SECOND | Unit.MINUTE | Unit.HOUR | Unit.DAY:
            raise ValueError(f"there is no period of one {unit}")
        case _:
            assert_never(unit)
    match which:
        case Which.THIS:
            pass
        case Which.LAST:
            start = moved_day(start, -1, unit)
        case Which.NEXT:
            start = moved_day(start, 1, unit)
        case _:
            assert_never(which)
    return start, moved_day(start, 1, unit) - 1
