"""Which values cross the bounds of a time form between two clocks."""

import datetime as dt
from itertools import pairwise
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
    Order,
    Period,
    Rolling,
    Unit,
    Versus,
    Which,
)
from segctl.conditions.time import Clock, Interval, intervals
from segctl.engine.boundaries import crossed
from tests.conditions.pools import AMOUNTS
from tests.conditions.strategies import clocks, moments_near
from tests.conftest import NOW

UTC = ZoneInfo("UTC")
HOUR = dt.timedelta(hours=1)

days = st.builds(Day, st.sampled_from(Anchor).filter(lambda a: a is not Anchor.NOW))
calendar = st.sampled_from((Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR))
rolling = st.builds(Rolling, st.sampled_from(Direction), st.sampled_from(AMOUNTS), calendar)
tests = st.one_of(
    rolling,
    st.builds(
        Distance, st.booleans(), st.sampled_from(AMOUNTS), calendar, st.sampled_from(Direction)
    ),
    st.builds(Period, st.sampled_from(Which), st.sampled_from((Unit.WEEK, Unit.MONTH, Unit.YEAR))),
    st.builds(Versus, st.sampled_from(Order), days),
    st.builds(BetweenPoints, days, days),
    st.builds(
        Anniversary,
        st.one_of(
            st.builds(Rolling, st.sampled_from(Direction), st.integers(0, 40), st.just(Unit.DAY)),
            st.builds(Versus, st.just(Order.EQ), days),
        ),
    ),
)


@given(tests, st.sampled_from((ValueType.DATE, ValueType.DATETIME)), clocks(), clocks(), st.data())
def test_what_crossed_passes_at_one_clock_and_not_at_the_other(test, kind, before, after, data):
    after = Clock(after.now, before.zone)
    found = crossed(test, kind, before, after)
    points = [
        bound
        for clock in (before, after)
        for moments in moments_near(clock, None)
        for bound in moments
    ]
    points += [
        bound
        for one in (
            *found[:5],
            *intervals(test, kind, before)[:5],
            *intervals(test, kind, after)[:5],
        )
        for bound in (one.low, one.high)
        if bound is not None
    ]
    fitting = [p for p in points if isinstance(p, dt.datetime) == (kind is ValueType.DATETIME)]
    for value in data.draw(st.lists(st.sampled_from(fitting), max_size=30)):
        passes = [any(value in i for i in intervals(test, kind, c)) for c in (before, after)]
        assert any(value in one for one in found) == (passes[0] != passes[1])


@given(tests, clocks(), clocks())
def test_intervals_ascend_and_do_not_touch(test, before, after):
    found = crossed(test, ValueType.DATETIME, before, Clock(after.now, before.zone))
    for one in found:
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.high
    for one, following in pairwise(found):
        assert one.high < following.low


def test_a_rolling_window_loses_and_gains_an_hour():
    before, after = Clock(NOW, UTC), Clock(NOW + HOUR, UTC)
    week = dt.timedelta(days=7)
    tick = dt.timedelta(microseconds=1)
    assert crossed(Rolling(Direction.LAST, 7, Unit.DAY), ValueType.DATETIME, before, after) == (
        Interval(NOW - week, NOW + HOUR - week - tick),
        Interval(NOW + tick, NOW + HOUR),
    )


def test_a_half_open_form_crosses_one_stretch():
    before, after = Clock(NOW, UTC), Clock(NOW + HOUR, UTC)
    form = Distance(True, 7, Unit.DAY, Direction.LAST)
    week = dt.timedelta(days=7)
    tick = dt.timedelta(microseconds=1)
    assert crossed(form, ValueType.DATETIME, before, after) == (
        Interval(NOW - week, NOW + HOUR - week - tick),
    )


@pytest.mark.parametrize("later", [dt.timedelta(), HOUR])
def test_a_form_of_whole_days_does_not_move_within_one(later: dt.timedelta):
    form = Rolling(Direction.LAST, 7, Unit.DAY)
    assert crossed(form, ValueType.DATE, Clock(NOW, UTC), Clock(NOW + later, UTC)) == ()
