"""How much one recalculation may change."""

import pytest

from segctl.engine.history import Counts
from segctl.engine.limits import check_change, parse_max_change
from segctl.errors import GuardStopped, InvalidValue


@pytest.mark.parametrize(
    ("text", "stored"), [("500", "500"), (" 20% ", "20%"), ("0.5%", "0.5%"), ("None", "none")]
)
def test_limits_are_read(text: str, stored: str):
    assert parse_max_change(text) == stored


@pytest.mark.parametrize("text", ["", "x", "-1", "20 %", "1e3", "0.5"])
def test_what_is_no_limit_is_refused(text: str):
    with pytest.raises(InvalidValue):
        parse_max_change(text)


@pytest.mark.parametrize(
    ("limit", "before", "entered", "left"),
    [
        (None, 10, 99, 9),
        ("none", 10, 99, 9),
        ("5", 10, 3, 2),
        ("50%", 10, 3, 2),
        ("0%", 0, 99, 0),
        ("0", None, 99, 0),
    ],
)
def test_changes_within_the_limit_pass(limit, before, entered, left):
    check_change(limit, Counts(before, 0, entered, left), "x")


@pytest.mark.parametrize(
    ("limit", "before", "entered", "left"), [("5", 10, 3, 3), ("50%", 10, 3, 3), ("0", 0, 1, 0)]
)
def test_changes_beyond_the_limit_are_stopped(limit, before, entered, left):
    with pytest.raises(GuardStopped):
        check_change(limit, Counts(before, 0, entered, left), "x")
