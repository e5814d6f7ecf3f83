"""Time forms as intervals: calendar arithmetic, zones with odd days, both ends of the calendar."""

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.catalog import ValueType
from segctl.conditions.nodes import (
    Anchor,
    Anniversary,
    BetweenPoints,
    Day,
    Direction,
    Distance,
    Instant,
    Order,
    Period,
    Point,
    Rolling,
    Shift,
    TimeTest,
    Unit,
    Versus,
    Which,
)
from segctl.conditions.time import Clock, Interval, intervals
from tests.conditions import strategies

DATE, DATETIME = ValueType.DATE, ValueType.DATETIME
LAST, NEXT = Direction.LAST, Direction.NEXT
LT, LE, EQ, GE, GT = Order
MICROSECOND = dt.timedelta(microseconds=1)
FIRST_INSTANT = dt.datetime.min.replace(tzinfo=dt.UTC)
LAST_INSTANT = dt.datetime.max.replace(tzinfo=dt.UTC)


def at(now: str, zone: str = "UTC") -> Clock:
    return Clock(utc(now), ZoneInfo(zone))


def utc(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def day(base: str | Anchor, *shifts: Shift) -> Day:
    return Day(base if isinstance(base, Anchor) else date(base), shifts)


def instant(base: str, *shifts: Shift) -> Instant:
    return Instant(dt.datetime.fromisoformat(base), shifts)


def now(*shifts: Shift) -> Instant:
    return Instant(Anchor.NOW, shifts)


def one(test: TimeTest, clock: Clock, kind: ValueType = DATETIME) -> Interval:
    (found,) = intervals(test, kind, clock)
    return found


def bounds(test: TimeTest, clock: Clock, kind: ValueType = DATETIME) -> tuple[str, str]:
    """Both bounds as text, "…" for none; an instant in UTC without offset."""
    found = one(test, clock, kind)
    low, high = (
        "…" if bound is None else bound.isoformat().removesuffix("+00:00")
        for bound in (found.low, found.high)
    )
    return low, high


WARSAW = "Europe/Warsaw"
NEW_YORK = "America/New_York"
SAO_PAULO = "America/Sao_Paulo"
NOON = at("2026-03-15T12:00")


# ---------------------------------------------------------------- rolling and distance


def test_in_last_days_reaches_back_to_the_same_time_of_day_and_includes_both_ends() -> None:
    assert bounds(Rolling(LAST, 30, Unit.DAY), NOON) == (
        "2026-02-13T12:00:00",
        "2026-03-15T12:00:00",
    )


def test_in_next_days_starts_now() -> None:
    assert bounds(Rolling(NEXT, 7, Unit.DAY), NOON) == (
        "2026-03-15T12:00:00",
        "2026-03-22T12:00:00",
    )


def test_zero_days_are_this_very_instant() -> None:
    assert bounds(Rolling(LAST, 0, Unit.DAY), NOON) == ("2026-03-15T12:00:00",) * 2


def test_zero_days_are_this_very_instant_even_in_the_repeated_hour() -> None:
    second_half_past_two = at("2026-10-25T01:30", WARSAW)
    assert bounds(Rolling(LAST, 0, Unit.DAY), second_half_past_two) == ("2026-10-25T01:30:00",) * 2


@pytest.mark.parametrize(
    ("more", "direction", "expected"),
    [
        (True, LAST, ("…", "2026-02-13T11:59:59.999999")),
        (False, LAST, ("2026-02-13T12:00:00.000001", "…")),
        (True, NEXT, ("2026-04-14T12:00:00.000001", "…")),
        (False, NEXT, ("…", "2026-04-14T11:59:59.999999")),
    ],
    ids=["more ago", "less ago", "more from now", "less from now"],
)
def test_distances_leave_their_bound_out(
    more: bool, direction: Direction, expected: tuple[str, str]
) -> None:
    assert bounds(Distance(more, 30, Unit.DAY, direction), NOON) == expected


@pytest.mark.parametrize(
    ("clock", "amount", "unit", "low"),
    [
        ("2026-03-31T10:00", 1, Unit.MONTH, "2026-02-28T10:00:00"),
        ("2024-03-31T10:00", 1, Unit.MONTH, "2024-02-29T10:00:00"),
        ("2026-05-31T10:00", 1, Unit.QUARTER, "2026-02-28T10:00:00"),
        ("2024-02-29T10:00", 1, Unit.YEAR, "2023-02-28T10:00:00"),
        ("2024-02-29T10:00", 4, Unit.YEAR, "2020-02-29T10:00:00"),
        ("2026-01-15T10:00", 1, Unit.MONTH, "2025-12-15T10:00:00"),
        ("2026-01-15T10:00", 25, Unit.MONTH, "2023-12-15T10:00:00"),
        ("2026-03-15T10:00", 2, Unit.WEEK, "2026-03-01T10:00:00"),
        ("2026-03-15T10:00", 90, Unit.SECOND, "2026-03-15T09:58:30"),
        ("2026-03-15T10:00", 90, Unit.MINUTE, "2026-03-15T08:30:00"),
        ("2026-03-15T10:00", 36, Unit.HOUR, "2026-03-13T22:00:00"),
    ],
)
def test_units_count_back(clock: str, amount: int, unit: Unit, low: str) -> None:
    assert bounds(Rolling(LAST, amount, unit), at(clock))[0] == low


def test_month_ends_clamp_at_each_step_from_left_to_right() -> None:
    january_31 = at("2026-01-31T10:00")
    month, months = Shift(1, Unit.MONTH), Shift(2, Unit.MONTH)
    assert bounds(Versus(EQ, now(month, month)), january_31)[0] == "2026-03-28T10:00:00"
    assert bounds(Versus(EQ, now(months)), january_31)[0] == "2026-03-31T10:00:00"
    minus = Shift(-1, Unit.MONTH)
    assert bounds(Versus(EQ, now(month, minus)), january_31)[0] == "2026-01-28T10:00:00"


# ---------------------------------------------------------------- daylight saving


def test_days_keep_the_wall_clock_and_hours_do_not_when_clocks_go_forward() -> None:
    # Warsaw, 29 March 2026: 02:00 becomes 03:00. It is 12:00 there, 10:00 UTC.
    clock = at("2026-03-29T10:00", WARSAW)
    assert bounds(Rolling(LAST, 1, Unit.DAY), clock)[0] == "2026-03-28T11:00:00"
    assert bounds(Rolling(LAST, 24, Unit.HOUR), clock)[0] == "2026-03-28T10:00:00"


def test_days_keep_the_wall_clock_when_clocks_go_back() -> None:
    # New York, 1 November 2026: 02:00 becomes 01:00. It is 12:00 there, 17:00 UTC.
    clock = at("2026-11-01T17:00", NEW_YORK)
    assert bounds(Rolling(LAST, 1, Unit.DAY), clock)[0] == "2026-10-31T16:00:00"


def test_a_wall_clock_time_that_does_not_exist_takes_the_offset_before_the_change() -> None:
    # 02:30 on 29 March does not exist in Warsaw; at UTC+1 it is 01:30 UTC (03:30 on the wall).
    assert (
        bounds(Versus(EQ, instant("2026-03-29T02:30")), at("2026-03-29T12:00", WARSAW))
        == ("2026-03-29T01:30:00",) * 2
    )
    day_before = at("2026-03-28T01:30", WARSAW)
    assert bounds(Rolling(NEXT, 1, Unit.DAY), day_before)[1] == "2026-03-29T01:30:00"


def test_a_wall_clock_time_that_occurs_twice_is_the_first() -> None:
    # 02:30 on 25 October occurs at 00:30 UTC and at 01:30 UTC in Warsaw.
    assert (
        bounds(Versus(EQ, instant("2026-10-25T02:30")), at("2026-10-25T12:00", WARSAW))
        == ("2026-10-25T00:30:00",) * 2
    )


def test_an_instant_with_an_offset_does_not_ask_the_zone() -> None:
    assert (
        bounds(Versus(EQ, instant("2026-10-25T02:30+01:00")), at("2026-10-25T12:00", WARSAW))
        == ("2026-10-25T01:30:00",) * 2
    )


def test_steps_are_taken_on_the_wall_and_on_the_clock_in_turn() -> None:
    # 28 March 12:00 in Warsaw + 1 day = 29 March 12:00 (UTC+2); + 24 hours = 30 March 12:00.
    clock = at("2026-03-28T11:00", WARSAW)
    shifted = now(Shift(1, Unit.DAY), Shift(24, Unit.HOUR))
    assert bounds(Versus(EQ, shifted), clock)[0] == "2026-03-30T10:00:00"
    # + 24 hours = 29 March 13:00; + 1 day = 30 March 13:00.
    shifted = now(Shift(24, Unit.HOUR), Shift(1, Unit.DAY))
    assert bounds(Versus(EQ, shifted), clock)[0] == "2026-03-30T11:00:00"


# ---------------------------------------------------------------- days


@pytest.mark.parametrize(
    ("zone", "the_day", "start", "end"),
    [
        ("UTC", "2026-01-31", "2026-01-31T00:00:00", "2026-01-31T23:59:59.999999"),
        ("Asia/Kathmandu", "2026-01-31", "2026-01-30T18:15:00", "2026-01-31T18:14:59.999999"),
        # 23 and 25 hours
        (WARSAW, "2026-03-29", "2026-03-28T23:00:00", "2026-03-29T21:59:59.999999"),
        (WARSAW, "2026-10-25", "2026-10-24T22:00:00", "2026-10-25T22:59:59.999999"),
        (NEW_YORK, "2026-03-08", "2026-03-08T05:00:00", "2026-03-09T03:59:59.999999"),
        # no midnight: 00:00 became 01:00; and the evening before it came twice in February
        (SAO_PAULO, "2018-11-04", "2018-11-04T03:00:00", "2018-11-05T01:59:59.999999"),
        (SAO_PAULO, "2018-11-03", "2018-11-03T03:00:00", "2018-11-04T02:59:59.999999"),
        (SAO_PAULO, "2018-02-17", "2018-02-17T02:00:00", "2018-02-18T02:59:59.999999"),
        # 23:30 became 00:30, so the day starts at half past midnight
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00", "1919-04-01T03:59:59.999999"),
        ("America/Toronto", "1919-03-30", "1919-03-30T05:00:00", "1919-03-31T04:29:59.999999"),
        # 00:01 became 23:01 of the day before: the first midnight is the start
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00", "2010-11-08T03:29:59.999999"),
    ],
)
def test_a_day_is_from_its_first_instant_to_the_last_before_the_next(
    zone: str, the_day: str, start: str, end: str
) -> None:
    assert bounds(Versus(EQ, day(the_day)), at("2026-03-15T12:00", zone)) == (start, end)


def test_a_day_that_a_country_skipped_is_empty_and_its_neighbours_touch() -> None:
    apia = at("2026-03-15T12:00", "Pacific/Apia")
    assert one(Versus(EQ, day("2011-12-30")), apia).empty
    assert bounds(Versus(EQ, day("2011-12-29")), apia)[1] == "2011-12-30T09:59:59.999999"
    assert bounds(Versus(EQ, day("2011-12-31")), apia)[0] == "2011-12-30T10:00:00"


def test_a_day_before_the_skipped_one_lands_on_the_change() -> None:
    # 31 December 2011 00:30 in Apia (UTC+14), a day earlier: 30 December 00:30 at UTC-10.
    clock = at("2011-12-30T10:30", "Pacific/Apia")
    assert bounds(Rolling(LAST, 1, Unit.DAY), clock)[0] == "2011-12-30T10:30:00"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (LT, ("…", "2026-01-30T22:59:59.999999")),
        (LE, ("…", "2026-01-31T22:59:59.999999")),
        (EQ, ("2026-01-30T23:00:00", "2026-01-31T22:59:59.999999")),
        (GE, ("2026-01-30T23:00:00", "…")),
        (GT, ("2026-01-31T23:00:00", "…")),
    ],
)
def test_a_day_literal_is_the_whole_day(order: Order, expected: tuple[str, str]) -> None:
    clock = at("2026-03-15T12:00", WARSAW)
    assert bounds(Versus(order, day("2026-01-31")), clock) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (LT, ("…", "2026-01-31T08:59:59.999999")),
        (LE, ("…", "2026-01-31T09:00:00")),
        (EQ, ("2026-01-31T09:00:00", "2026-01-31T09:00:00")),
        (GE, ("2026-01-31T09:00:00", "…")),
        (GT, ("2026-01-31T09:00:00.000001", "…")),
    ],
)
def test_an_instant_is_compared_to_the_microsecond(order: Order, expected: tuple[str, str]) -> None:
    clock = at("2026-03-15T12:00", WARSAW)
    assert bounds(Versus(order, instant("2026-01-31T10:00")), clock) == expected


def test_between_days_is_from_the_start_of_the_first_to_the_end_of_the_second() -> None:
    clock = at("2026-03-15T12:00", WARSAW)
    assert bounds(BetweenPoints(day("2026-03-28"), day("2026-03-29")), clock) == (
        "2026-03-27T23:00:00",
        "2026-03-29T21:59:59.999999",
    )


def test_between_a_day_and_now_ends_now() -> None:
    assert bounds(BetweenPoints(day(Anchor.TODAY), now()), NOON) == (
        "2026-03-15T00:00:00",
        "2026-03-15T12:00:00",
    )


def test_between_points_that_turn_out_reversed_is_empty() -> None:
    assert one(BetweenPoints(day(Anchor.TOMORROW), day(Anchor.YESTERDAY)), NOON).empty


@pytest.mark.parametrize(
    ("base", "expected"),
    [(Anchor.TODAY, "16"), (Anchor.YESTERDAY, "15"), (Anchor.TOMORROW, "17")],
)
def test_today_is_the_day_of_the_zone(base: Anchor, expected: str) -> None:
    # 15 March 20:00 UTC is 16 March 01:45 in Kathmandu.
    clock = at("2026-03-15T20:00", "Asia/Kathmandu")
    assert clock.today == date("2026-03-16")
    assert bounds(Versus(EQ, day(base)), clock, DATE) == (f"2026-03-{expected}",) * 2


def test_days_shift_by_calendar_units() -> None:
    point = day("2026-01-31", Shift(1, Unit.MONTH), Shift(-1, Unit.DAY))
    assert bounds(Versus(EQ, point), NOON, DATE) == ("2026-02-27", "2026-02-27")


# ---------------------------------------------------------------- periods

SUNDAY = NOON
"""15 March 2026 is a Sunday, the last day of its week."""


@pytest.mark.parametrize(
    ("which", "unit", "first", "last"),
    [
        (Which.THIS, Unit.WEEK, "2026-03-09", "2026-03-15"),
        (Which.LAST, Unit.WEEK, "2026-03-02", "2026-03-08"),
        (Which.NEXT, Unit.WEEK, "2026-03-16", "2026-03-22"),
        (Which.THIS, Unit.MONTH, "2026-03-01", "2026-03-31"),
        (Which.LAST, Unit.MONTH, "2026-02-01", "2026-02-28"),
        (Which.NEXT, Unit.MONTH, "2026-04-01", "2026-04-30"),
        (Which.THIS, Unit.QUARTER, "2026-01-01", "2026-03-31"),
        (Which.LAST, Unit.QUARTER, "2025-10-01", "2025-12-31"),
        (Which.NEXT, Unit.QUARTER, "2026-04-01", "2026-06-30"),
        (Which.THIS, Unit.YEAR, "2026-01-01", "2026-12-31"),
        (Which.LAST, Unit.YEAR, "2025-01-01", "2025-12-31"),
        (Which.NEXT, Unit.YEAR, "2027-01-01", "2027-12-31"),
    ],
)
def test_periods_are_whole_calendar_units(which: Which, unit: Unit, first: str, last: str) -> None:
    assert bounds(Period(which, unit), SUNDAY, DATE) == (first, last)
    assert bounds(Period(which, unit), SUNDAY) == (
        f"{first}T00:00:00",
        f"{last}T23:59:59.999999",
    )


def test_a_monday_starts_its_week() -> None:
    monday = at("2026-03-16T00:00")
    assert bounds(Period(Which.THIS, Unit.WEEK), monday, DATE) == ("2026-03-16", "2026-03-22")


def test_a_period_is_that_of_the_zone() -> None:
    # 31 December 2025, 23:30 UTC, is 2026 in Warsaw.
    clock = at("2025-12-31T23:30", WARSAW)
    assert bounds(Period(Which.THIS, Unit.YEAR), clock) == (
        "2025-12-31T23:00:00",
        "2026-12-31T22:59:59.999999",
    )


@pytest.mark.parametrize("unit", [Unit.HOUR, Unit.DAY])
def test_there_is_no_period_of_a_day_or_less(unit: Unit) -> None:
    with pytest.raises(ValueError, match="no period"):
        intervals(Period(Which.THIS, unit), DATETIME, NOON)


def test_a_clock_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        Clock(dt.datetime(2026, 3, 15, 12), ZoneInfo("UTC"))


# ---------------------------------------------------------------- date attributes


def test_for_a_date_seven_days_span_eight() -> None:
    assert bounds(Rolling(LAST, 7, Unit.DAY), NOON, DATE) == ("2026-03-08", "2026-03-15")
    assert bounds(Rolling(NEXT, 7, Unit.DAY), NOON, DATE) == ("2026-03-15", "2026-03-22")


def test_for_a_date_distances_count_whole_days() -> None:
    ago = Distance(True, 7, Unit.DAY, LAST)
    assert bounds(ago, NOON, DATE) == ("…", "2026-03-07")
    assert bounds(Distance(False, 7, Unit.DAY, LAST), NOON, DATE) == ("2026-03-09", "…")


def test_for_a_date_now_is_today() -> None:
    assert bounds(Versus(LT, now()), NOON, DATE) == ("…", "2026-03-14")
    assert bounds(Versus(GT, now(Shift(1, Unit.MONTH))), NOON, DATE) == ("2026-04-16", "…")


def test_a_date_takes_no_hours_and_no_instants() -> None:
    for test in (Rolling(LAST, 3, Unit.HOUR), Versus(EQ, instant("2026-01-31T10:00"))):
        with pytest.raises(ValueError, match="day"):
            intervals(test, DATE, NOON)


def test_other_values_have_no_time_forms() -> None:
    with pytest.raises(ValueError, match="integer"):
        intervals(Rolling(LAST, 3, Unit.DAY), ValueType.INTEGER, NOON)


# ---------------------------------------------------------------- both ends of the calendar


@pytest.mark.parametrize("unit", list(Unit))
def test_a_bound_beyond_the_calendar_becomes_its_first_or_last_instant(unit: Unit) -> None:
    first, last = at("0001-01-01T00:00"), at("9999-12-31T23:59:59.999999")
    back, forth = Rolling(LAST, 100_000, unit), Rolling(NEXT, 100_000, unit)
    assert one(back, first) == Interval(FIRST_INSTANT, FIRST_INSTANT)
    assert one(forth, last) == Interval(LAST_INSTANT, LAST_INSTANT)


def test_before_the_first_and_after_the_last_instant_there_is_nothing() -> None:
    assert one(Distance(True, 100_000, Unit.YEAR, LAST), NOON).empty
    assert one(Distance(True, 100_000, Unit.YEAR, NEXT), NOON).empty
    assert one(Versus(LT, day("0001-01-01")), NOON).empty
    assert one(Versus(GT, day("9999-12-31")), NOON).empty
    assert one(Versus(LT, day("0001-01-01")), NOON, DATE).empty
    assert one(Versus(GT, day("9999-12-31")), NOON, DATE).empty


def test_less_than_very_long_ago_is_after_the_first_instant() -> None:
    assert one(Distance(False, 100_000, Unit.YEAR, LAST), NOON) == Interval(
        FIRST_INSTANT + MICROSECOND, None
    )


def test_the_last_day_of_the_calendar_ends_with_it() -> None:
    assert one(Versus(EQ, day("9999-12-31")), NOON) == Interval(
        utc("9999-12-31T00:00"), LAST_INSTANT
    )
    west = at("2026-03-15T12:00", "Etc/GMT+12")
    assert one(Versus(EQ, day("9999-12-31")), west) == Interval(
        utc("9999-12-31T12:00"), LAST_INSTANT
    )


def test_only_the_finished_bound_is_clamped() -> None:
    there_and_back = now(Shift(-3000, Unit.YEAR), Shift(3000, Unit.YEAR))
    assert bounds(Versus(EQ, there_and_back), NOON)[0] == "2026-03-15T12:00:00"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC", NEW_YORK])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00", "9999-12-31T23:59:59.999999"])
def test_today_exists_at_the_ends_of_the_calendar_in_every_zone(zone: str, moment: str) -> None:
    clock = at(moment, zone)
    assert clock.today.isoformat() == moment[:10]
    assert clock.now in one(Versus(EQ, day(Anchor.TODAY)), clock)


# ---------------------------------------------------------------- anniversaries


def years(test: Versus | Rolling | Period, clock: Clock = NOON) -> dict[int, tuple[str, str]]:
    """The anniversary's intervals of a date by the year in which they start, as MM-DD."""
    return {
        found.low.year: (found.low.isoformat()[5:], found.high.isoformat()[5:])
        for found in intervals(Anniversary(test), DATE, clock)
        if found.low is not None and found.high is not None
    }


def test_an_anniversary_is_a_day_of_every_year_from_1900_to_2100() -> None:
    found = years(Versus(EQ, day("2026-03-15")))
    assert list(found) == list(range(1900, 2101))
    assert set(found.values()) == {("03-15", "03-15")}


def test_an_anniversary_in_the_next_days_crosses_new_year_in_one_interval() -> None:
    found = years(Rolling(NEXT, 7, Unit.DAY), at("2026-12-29T12:00"))
    assert found[1900] == ("12-29", "01-05")  # after the piece that starts the first year
    first, *_, last = intervals(
        Anniversary(Rolling(NEXT, 7, Unit.DAY)), DATE, at("2026-12-29T12:00")
    )
    assert first == Interval(date("1900-01-01"), date("1900-01-05"))
    assert last == Interval(date("2100-12-29"), date("2100-12-31"))


def test_who_was_born_on_29_february_has_the_28th_in_common_years() -> None:
    found = years(Versus(EQ, day("2023-02-28")))
    assert found[2000] == ("02-28", "02-29")
    assert found[2001] == ("02-28", "02-28")


def test_who_was_born_on_29_february_has_the_29th_in_leap_years() -> None:
    assert years(Versus(EQ, day("2024-02-28")))[2000] == ("02-28", "02-28")
    found = years(Versus(EQ, day("2024-02-29")))
    assert found[2000] == ("02-29", "02-29")
    assert 2001 not in found


def test_the_28th_alone_does_not_ask_for_the_29th_when_march_follows() -> None:
    assert years(Versus(EQ, day("2023-03-01")))[2000] == ("03-01", "03-01")
    assert years(Rolling(NEXT, 1, Unit.DAY), at("2023-02-28T12:00"))[2000] == ("02-28", "03-01")


def test_a_whole_year_of_anniversaries_is_one_interval() -> None:
    for test in (Rolling(NEXT, 366, Unit.DAY), Rolling(LAST, 12, Unit.MONTH)):
        assert intervals(Anniversary(test), DATE, NOON) == (
            Interval(date("1900-01-01"), date("2100-12-31")),
        )


def test_an_anniversary_in_a_period_is_in_that_week_or_month() -> None:
    assert years(Period(Which.NEXT, Unit.MONTH))[1987] == ("04-01", "04-30")
    assert years(Period(Which.THIS, Unit.WEEK))[1987] == ("03-09", "03-15")


def test_an_anniversary_of_an_instant_is_the_day_of_the_zone() -> None:
    found = intervals(
        Anniversary(Versus(EQ, day("2026-07-01"))), DATETIME, at("2026-03-15T12:00", WARSAW)
    )
    assert Interval(utc("1999-06-30T22:00"), utc("1999-07-01T21:59:59.999999")) in found


def test_an_anniversary_does_not_fall_on_a_day_that_a_country_skipped() -> None:
    found = intervals(
        Anniversary(Versus(EQ, day("2026-12-30"))), DATETIME, at("2026-03-15T12:00", "Pacific/Apia")
    )
    assert len(found) == 200
    assert not any(interval.empty for interval in found)


def test_an_anniversary_takes_no_other_test() -> None:
    with pytest.raises(ValueError, match="anniversary"):
        intervals(Anniversary(Versus(GT, day("2026-01-31"))), DATE, NOON)


# ---------------------------------------------------------------- laws

AMOUNTS = st.sampled_from(strategies.AMOUNTS)
KINDS = st.sampled_from((DATE, DATETIME))
UNITS = st.sampled_from([unit for unit in Unit if not unit.exact])


def values_near(clock: Clock, test: TimeTest, kind: ValueType) -> list[dt.date]:
    days, times = strategies.moments_near(clock, test)
    return list(days if kind is DATE else times)


def passes(test: TimeTest, value: dt.date, kind: ValueType, clock: Clock) -> bool:
    return any(value in interval for interval in intervals(test, kind, clock))


@given(strategies.clocks(), KINDS, AMOUNTS, UNITS, st.sampled_from(Direction))
def test_more_equal_and_less_share_out_all_values(
    clock: Clock, kind: ValueType, amount: int, unit: Unit, direction: Direction
) -> None:
    sign = -1 if direction is LAST else 1
    point: Point = Instant(Anchor.NOW, (Shift(sign * amount, unit),))
    tests = (
        Distance(True, amount, unit, direction),
        Versus(EQ, point),
        Distance(False, amount, unit, direction),
    )
    for value in values_near(clock, tests[0], kind):
        assert [passes(test, value, kind, clock) for test in tests].count(True) == 1


@given(strategies.clocks(), KINDS, AMOUNTS, UNITS)
def test_in_last_is_neither_more_ago_nor_after_now(
    clock: Clock, kind: ValueType, amount: int, unit: Unit
) -> None:
    rolling = Rolling(LAST, amount, unit)
    for value in values_near(clock, rolling, kind):
        outside = passes(Distance(True, amount, unit, LAST), value, kind, clock) or passes(
            Versus(GT, now()), value, kind, clock
        )
        assert passes(rolling, value, kind, clock) is not outside


@given(strategies.clocks(), st.sampled_from(strategies.DATES), KINDS)
def test_before_on_and_after_a_day_share_out_all_values(
    clock: Clock, the_day: dt.date, kind: ValueType
) -> None:
    tests = [Versus(order, Day(the_day)) for order in (LT, EQ, GT)]
    for value in values_near(clock, tests[1], kind):
        assert [passes(test, value, kind, clock) for test in tests].count(True) == 1


@given(strategies.clocks(), st.sampled_from((Unit.WEEK, Unit.MONTH, Unit.QUARTER, Unit.YEAR)))
def test_periods_follow_each_other_without_gap_or_overlap(clock: Clock, unit: Unit) -> None:
    last, this, following = (
        one(Period(which, unit), clock) for which in (Which.LAST, Which.THIS, Which.NEXT)
    )
    for earlier, later in ((last, this), (this, following)):
        assert earlier.high is not None
        assert later.low is not None
        if later.low > FIRST_INSTANT and earlier.high < LAST_INSTANT:
            assert earlier.high + MICROSECOND == later.low


@given(strategies.clocks(), st.one_of(st.dates(), st.sampled_from(strategies.DATES)))
def test_days_follow_each_other_in_every_zone(clock: Clock, first: dt.date) -> None:
    if first < dt.date.max:
        today = one(Versus(LE, Day(first)), clock).high
        tomorrow = one(Versus(GE, Day(first + dt.timedelta(days=1))), clock).low
        assert today is not None
        assert tomorrow is not None
        if tomorrow > FIRST_INSTANT and today < LAST_INSTANT:
            assert today + MICROSECOND == tomorrow


@given(strategies.clocks(), strategies.instants())
def test_a_value_is_on_the_day_that_the_wall_shows_where_clocks_do_not_turn_back_past_midnight(
    clock: Clock, value: dt.datetime
) -> None:
    try:
        local = value.astimezone(clock.zone)
    except OverflowError:
        return
    if local.fold or local.hour in (0, 23):
        return
    assert passes(Versus(EQ, Day(local.date())), value, DATETIME, clock)


@given(
    strategies.clocks(),
    st.sampled_from(
        [Rolling(NEXT, 7, Unit.DAY), Rolling(LAST, 1, Unit.MONTH), Period(Which.THIS, Unit.WEEK)]
    ),
    st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)),
)
def test_an_anniversary_is_a_date_whose_month_and_day_recur(
    clock: Clock, test: Rolling | Period, born: dt.date
) -> None:
    if not 10 < clock.today.year < 9990:
        return
    asked = one(test, clock, DATE)
    assert asked.low is not None
    assert asked.high is not None
    recurs = any(
        _anniversary(born, year) in asked for year in range(asked.low.year, asked.high.year + 1)
    )
    assert passes(Anniversary(test), born, DATE, clock) is recurs


def _anniversary(born: dt.date, year: int) -> dt.date:
    try:
        return born.replace(year=year)
    except ValueError:
        return dt.date(year, 2, 28)
