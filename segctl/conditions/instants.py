"""Instants as numbers, and what clocks on the wall show at them.

An *instant* is microseconds since 0001-01-01T00:00 UTC; a *wall* is the same count read off a clock
on the wall of a zone. A wall that does not exist takes the offset before the change, one that
occurs twice is the first. Only a finished bound is clamped (`datetime_of`).
"""

from bisect import bisect_left
import datetime as dt
from zoneinfo import ZoneInfo

from segctl.conditions.days import moved_day
from segctl.conditions.nodes import Unit

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_EPOCH = dt.datetime(1, 1, 1)  # noqa: DTZ001  naive: a wall is counted from it as well
_MICROSECOND = dt.timedelta(microseconds=1)
LAST_INSTANT = (dt.datetime.max - _EPOCH) // _MICROSECOND  # noqa: DTZ901  likewise
_EXACT = {Unit.SECOND: _SECOND, Unit.MINUTE: 60 * _SECOND, Unit.HOUR: 3600 * _SECOND}


def instant_number(value: dt.datetime) -> int:
    """Not by way of astimezone(), which overflows at both ends of the calendar."""
    offset = value.utcoffset()
    assert offset is not None
    return (value.replace(tzinfo=None) - _EPOCH - offset) // _MICROSECOND


def wall_number(naive: dt.datetime) -> int:
    return (naive - _EPOCH) // _MICROSECOND


def datetime_of(instant: int) -> dt.datetime:
    inside = min(max(instant, 0), LAST_INSTANT)
    return (_EPOCH + inside * _MICROSECOND).replace(tzinfo=dt.UTC)


def _within_zone_data(count: int) -> dt.datetime:
    """A moment that a zone can be asked about: two days from the ends no offset can overflow."""
    return _EPOCH + min(max(count, 2 * _DAY), LAST_INSTANT - 2 * _DAY) * _MICROSECOND


def _offset(moment: dt.datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


def wall_at(instant: int, zone: ZoneInfo) -> int:
    """What a clock on the wall shows at an instant."""
    return instant + _offset(zone.fromutc(_within_zone_data(instant).replace(tzinfo=zone)))


def day_at(instant: int, zone: ZoneInfo) -> int:
    """The day that the calendar on the wall shows at an instant."""
    return wall_at(instant, zone) // _DAY


def instant_of_wall(wall: int, zone: ZoneInfo, fold: int = 0) -> int:
    """The instant at which the wall shows that time.

    With fold 0, as PEP 495 has it, the first of two, and the offset before the change for none.
    """
    return wall - _offset(_within_zone_data(wall).replace(tzinfo=zone, fold=fold))


def start_of_day(day: int, zone: ZoneInfo) -> int:
    """The first instant of a day, which is not midnight where midnight is skipped.

    A day that was skipped whole starts where the next one does.
    """
    midnight = day * _DAY
    start = instant_of_wall(midnight, zone)
    if wall_at(start, zone) == midnight:
        return start
    # Midnight falls into a gap: the day starts at the change itself, which lies between the two
    # readings of midnight, on a whole second.
    low, high = instant_of_wall(midnight, zone, fold=1) // _SECOND, start // _SECOND
    before = wall_at(low * _SECOND, zone) - low * _SECOND
    change = bisect_left(
        range(low, high + 1),
        True,
        key=lambda second: wall_at(second * _SECOND, zone) - second * _SECOND != before,
    )
    return (low + change) * _SECOND


def moved_instant(instant: int, amount: int, unit: Unit, zone: ZoneInfo) -> int:
    if unit in _EXACT:
        return instant + amount * _EXACT[unit]
    if amount == 0:  # not even from the second 02:30 of a night to the first
        return instant
    day, time = divmod(wall_at(instant, zone), _DAY)
    return instant_of_wall(moved_day(day, amount, unit) * _DAY + time, zone)
