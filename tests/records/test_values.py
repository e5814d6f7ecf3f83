"""Text to typed values: what is accepted, what is refused and with which words."""

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.catalog import MAX_KEY, Attribute, ObjectType, ValueType
from segctl.errors import InvalidValue, UsageError
from segctl.services.values import (
    Reading,
    join_items,
    parse_items,
    parse_value,
    parser,
    quoted,
    split_items,
    to_text,
)

UTC = dt.UTC
CHOICES = ("won", "lost")


def value(kind: ValueType, raw: Any, **reading: Any) -> Any:
    choices = CHOICES if kind in (ValueType.CHOICE, ValueType.MULTICHOICE) else ()
    attribute = Attribute(ObjectType.DEAL, "x", kind, choices, standard=False)
    parse = parse_items if kind.many else parse_value
    return parse(attribute, raw, Reading(**reading))


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (ValueType.STRING, " as it is ", " as it is "),
        (ValueType.STRING, "", None),
        (ValueType.STRING, 12, "12"),
        (ValueType.STRING, True, "true"),
        (ValueType.STRING, dt.datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
        (ValueType.INTEGER, "12", 12),
        (ValueType.INTEGER, " -3 ", -3),
        (ValueType.INTEGER, "+4", 4),
        (ValueType.INTEGER, "3.0", 3),
        (ValueType.INTEGER, "007", 7),
        (ValueType.INTEGER, "", None),
        (ValueType.INTEGER, "  ", None),
        (ValueType.INTEGER, 3.0, 3),
        (ValueType.INTEGER, Decimal("5.00"), 5),
        (ValueType.INTEGER, str(2**53), 2**53),
        (ValueType.FLOAT, "1.5", 1.5),
        (ValueType.FLOAT, ".5", 0.5),
        (ValueType.FLOAT, "5.", 5.0),
        (ValueType.FLOAT, "-1e3", -1000.0),
        (ValueType.FLOAT, 7, 7.0),
        (ValueType.FLOAT, " ", None),
        (ValueType.BOOLEAN, "true", True),
        (ValueType.BOOLEAN, "No", False),
        (ValueType.BOOLEAN, "Y", True),
        (ValueType.BOOLEAN, "f", False),
        (ValueType.BOOLEAN, "1", True),
        (ValueType.BOOLEAN, 0, False),
        (ValueType.BOOLEAN, " ", None),
        (ValueType.DATE, "2026-01-31", dt.date(2026, 1, 31)),
        (ValueType.DATE, "20260131", dt.date(2026, 1, 31)),
        (ValueType.DATE, "1996-07-04 00:00:00.000", dt.date(1996, 7, 4)),
        (ValueType.DATE, dt.date(2026, 1, 31), dt.date(2026, 1, 31)),
        (ValueType.DATE, "", None),
        (ValueType.DATETIME, "2026-01-31T10:00:00Z", dt.datetime(2026, 1, 31, 10, tzinfo=UTC)),
        (ValueType.DATETIME, "2026-01-31 10:00", dt.datetime(2026, 1, 31, 10, tzinfo=UTC)),
        (ValueType.DATETIME, "2026-01-31T10:00+02:00", dt.datetime(2026, 1, 31, 8, tzinfo=UTC)),
        (ValueType.DATETIME, "2026-01-31", dt.datetime(2026, 1, 31, tzinfo=UTC)),
        (ValueType.CHOICE, "won", "won"),
        (ValueType.CHOICE, "", None),
        (ValueType.TAGS, "a; b;;a", frozenset({"a", "b"})),
        (ValueType.TAGS, "", frozenset()),
        (ValueType.TAGS, '["a;b", " c"]', frozenset({"a;b", " c"})),
        (ValueType.TAGS, "[not json", frozenset({"[not json"})),
        (ValueType.TAGS, ["a", None, 2], frozenset({"a", "2"})),
        (ValueType.TAGS, 5, frozenset({"5"})),
        (ValueType.MULTICHOICE, "won;lost", frozenset(CHOICES)),
    ],
)
def test_accepted_values(kind: ValueType, raw: Any, expected: Any) -> None:
    found = value(kind, raw)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "raw", "reason"),
    [
        (ValueType.STRING, "a\0b", "NUL"),
        (ValueType.STRING, "a\ud800", "half a character"),
        (ValueType.STRING, "caf\udce9", "the byte 0xE9"),
        (ValueType.STRING, ["a"], "a list"),
        (ValueType.STRING, {"a": 1}, "an object"),
        (ValueType.STRING, b"x", "binary"),
        (ValueType.STRING, "x" * 10_000_001, "longer than"),
        (ValueType.INTEGER, "1.5", "not a whole number"),
        (ValueType.INTEGER, "1_000", "not a whole number"),
        (ValueType.INTEGER, "1,000", "not a whole number"),
        (ValueType.INTEGER, "\u0663", "not a whole number"),
        (ValueType.INTEGER, "9" * 5000, "not a whole number"),
        (ValueType.INTEGER, str(2**53 + 1), "the largest whole number"),
        (ValueType.INTEGER, True, "not a whole number"),
        (ValueType.INTEGER, float("nan"), "not a whole number"),
        (ValueType.INTEGER, 1.5, "not a whole number"),
        (ValueType.FLOAT, "nan", "not a number"),
        (ValueType.FLOAT, "inf", "not a number"),
        (ValueType.FLOAT, "1e999", "finite"),
        (ValueType.FLOAT, float("inf"), "finite"),
        (ValueType.FLOAT, 10**400, "finite"),
        (ValueType.FLOAT, False, "not a number"),
        (ValueType.BOOLEAN, "maybe", "neither true nor false"),
        (ValueType.BOOLEAN, 2, "neither true nor false"),
        (ValueType.DATE, "2026-02-30", "not a date"),
        (ValueType.DATE, "31.01.2026", "not a date"),
        (ValueType.DATE, "2026-01-31T10:00", "time of day"),
        (ValueType.DATE, 20260131, "not a date"),
        (ValueType.DATETIME, "yesterday", "not a time"),
        (ValueType.DATETIME, "2026-01-31x10:00", "not a time"),
        (ValueType.DATETIME, "0001-01-01T00:00+14:00", "outside the years"),
        (ValueType.CHOICE, "Won", "not one of won, lost"),
        (ValueType.MULTICHOICE, "won;wone", "not one of"),
        (ValueType.TAGS, "x" * (MAX_KEY + 1), "at most 500"),
        (ValueType.TAGS, [["nested"]], "a list"),
    ],
)
def test_refused_values(kind: ValueType, raw: Any, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        value(kind, raw)


def test_a_wrong_choice_names_the_nearest() -> None:
    with pytest.raises(InvalidValue) as caught:
        value(ValueType.CHOICE, "lots")
    assert caught.value.hint == 'did you mean "lost"?'


def test_a_naive_time_is_in_the_zone_of_the_workspace() -> None:
    zone = ZoneInfo("Europe/Warsaw")
    found = value(ValueType.DATETIME, "2026-07-01 10:00", zone=zone)
    assert found == dt.datetime(2026, 7, 1, 8, tzinfo=UTC)


def test_a_day_for_a_time_is_its_start_in_the_zone_of_the_workspace() -> None:
    found = value(ValueType.DATETIME, "2026-07-01", zone=ZoneInfo("Asia/Tokyo"))
    assert found == dt.datetime(2026, 6, 30, 15, tzinfo=UTC)


def test_a_time_that_occurs_twice_is_the_first() -> None:
    found = value(ValueType.DATETIME, "2026-10-25 02:30", zone=ZoneInfo("Europe/Warsaw"))
    assert found == dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_time_that_does_not_exist_takes_the_offset_before_the_change() -> None:
    found = value(ValueType.DATETIME, "2026-03-29 02:30", zone=ZoneInfo("Europe/Warsaw"))
    assert found == dt.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_an_aware_midnight_of_the_zone_is_a_date() -> None:
    zone = ZoneInfo("Asia/Tokyo")
    assert value(ValueType.DATE, "2026-06-30T15:00Z", zone=zone) == dt.date(2026, 7, 1)


def test_date_formats_are_tried_before_iso() -> None:
    formats = ("%d/%m/%Y", "%Y%m%d %H:%M")
    assert value(ValueType.DATE, "31/01/2026", date_formats=formats) == dt.date(2026, 1, 31)
    found = value(ValueType.DATETIME, "20260131 10:20", date_formats=formats)
    assert found == dt.datetime(2026, 1, 31, 10, 20, tzinfo=UTC)
    assert value(ValueType.DATE, "2026-01-31", date_formats=formats) == dt.date(2026, 1, 31)


@pytest.mark.parametrize("bad", ["%Q", "%d/%m", "today", "%"])
def test_a_bad_date_format_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="not a date format"):
        Reading(date_formats=(bad,))


@pytest.mark.parametrize("bad", ["", "  ", "[", '"'])
def test_a_bad_separator_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="cannot separate"):
        Reading(separator=bad)


def test_texts_that_mean_nothing_are_no_value() -> None:
    nulls = frozenset({"NULL", "n/a"})
    assert value(ValueType.STRING, "NULL", nulls=nulls) is None
    assert value(ValueType.INTEGER, "n/a", nulls=nulls) is None
    assert value(ValueType.TAGS, "NULL", nulls=nulls) == frozenset()
    assert value(ValueType.STRING, "null", nulls=nulls) == "null"


def test_a_value_map_replaces_whole_texts() -> None:
    status = Attribute(ObjectType.DEAL, "status", ValueType.CHOICE, CHOICES)
    parse = parser(status, Reading(), {"Won": "won", "?": "", "1": "lost"})
    assert [parse(raw) for raw in ("Won", "won", "?", 1, None)] == [
        "won",
        "won",
        None,
        "lost",
        None,
    ]


def test_an_external_id_is_short_enough_for_an_index() -> None:
    external_id = Attribute(ObjectType.DEAL, "external_id", ValueType.STRING)
    assert parse_value(external_id, "x" * MAX_KEY, Reading())
    with pytest.raises(InvalidValue, match="at most 500"):
        parse_value(external_id, "x" * (MAX_KEY + 1), Reading())


def test_quoting_shortens_and_escapes() -> None:
    assert quoted("a" * 100) == '"' + "a" * 59 + '…"'
    assert quoted("a\x1b[31m\n") == r'"a\u001b[31m\n"'
    assert quoted("\udce9") == '"\\udce9"'


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)


@given(st.frozensets(TEXTS, max_size=5), st.sampled_from([";", "|", "--"]))
def test_joined_items_split_into_the_same(items: frozenset[str], separator: str) -> None:
    cell = join_items(sorted(items), separator)
    assert set(split_items(cell, Reading(separator=separator))) == items


@given(
    st.one_of(
        TEXTS,
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.dates(),
        st.datetimes(timezones=st.just(UTC)),
        st.none(),
    )
)
def test_a_written_value_reads_back_as_the_same(original: Any) -> None:
    kinds = {
        str: ValueType.STRING,
        int: ValueType.INTEGER,
        float: ValueType.FLOAT,
        bool: ValueType.BOOLEAN,
        dt.date: ValueType.DATE,
        dt.datetime: ValueType.DATETIME,
        type(None): ValueType.STRING,
    }
    assert value(kinds[type(original)], to_text(original)) == original


@given(st.text(max_size=40), st.sampled_from(list(ValueType)))
def test_any_text_is_a_value_or_is_refused(text: str, kind: ValueType) -> None:
    try:
        value(kind, text)
    except InvalidValue as error:
        error.message.encode()
