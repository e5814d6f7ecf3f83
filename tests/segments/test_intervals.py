"""Intervals as people write them."""

import pytest

from segctl.errors import InvalidValue
from segctl.services.intervals import check_interval, interval_text, parse_interval


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30m", 30),
        ("1h", 60),
        ("1d", 1440),
        ("1h30m", 90),
        (" 2 Hours ", 120),
        ("1 week", 10080),
        ("90 min", 90),
        ("manual", 0),
        ("Manual", 0),
    ],
)
def test_intervals_are_read(text: str, minutes: int):
    assert parse_interval(text) == minutes


@pytest.mark.parametrize("text", ["", "30", "h", "0m", "1x", "1h and 2m", "-5m", "1.5h", "daily"])
def test_what_is_no_interval_is_refused(text: str):
    with pytest.raises(InvalidValue):
        parse_interval(text)


@pytest.mark.parametrize("minutes", [0, 1, 30, 60, 90, 240, 1440, 1501, 10080])
def test_intervals_are_read_back(minutes: int):
    assert parse_interval(interval_text(minutes)) == minutes


def test_an_interval_is_at_most_a_year():
    with pytest.raises(InvalidValue, match="at most a year"):
        check_interval(parse_interval("500d"), 30)
