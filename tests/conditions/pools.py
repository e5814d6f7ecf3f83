"""What random examples are drawn from: catalogs, segments, small pools of values, clocks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from segctl.catalog import (
    MAX_INTEGER,
    PLURALS,
    RELATIONS,
    SEGMENT_TYPES,
    Attribute,
    Catalog,
    ObjectType,
    ValueType,
)
from segctl.conditions.fold import fold
from segctl.conditions.time import Clock

UTC = dt.UTC
T = ObjectType
V = ValueType
X = TypeVar("X")

# ---------------------------------------------------------------- drawing


@cache
def _index(length: int) -> SearchStrategy[int]:
    return st.integers(0, length - 1)


def pick(draw: DrawFn, options: Sequence[X]) -> X:
    """One of them; shrinks to the first. Four times as fast as making a sampled_from each time."""
    return options[draw(_index(len(options)))]


def some(draw: DrawFn, options: Sequence[X], least: int = 1, most: int = 3) -> tuple[X, ...]:
    """From `least` to `most` of them, without repeats."""
    number = pick(draw, range(least, min(most, len(options)) + 1))
    return tuple(dict.fromkeys(pick(draw, options) for _ in range(number)))


# ---------------------------------------------------------------- catalogs


def _custom(type: ObjectType, words: str) -> Iterator[Attribute]:
    choices = {
        "plan": ("free", "pro", "Pro Plus", "50% off", "ünïq_ue"),
        "interests": ("tea", "coffee", "Ζωή ς", "a_b"),
        "channel": ("web", "mail", "Web"),
    }
    for word in words.split():
        name, kind = word.split(":")
        many_or_choice = ValueType(kind) in (V.CHOICE, V.MULTICHOICE)
        listed = choices.get(name, ("one", "two", "three")) if many_or_choice else ()
        yield Attribute(type, name, ValueType(kind), listed, standard=False)


CUSTOM: tuple[Attribute, ...] = (
    *_custom(
        T.CONTACT,
        "birthday:date plan:choice interests:multichoice balance:float level:integer vip:boolean "
        "renewed_at:datetime nickname:string labels:tags",
    ),
    *_custom(T.COMPANY, "founded_on:date tier:choice markets:multichoice partner:boolean"),
    *_custom(T.DEAL, "margin:float seats:integer sealed:boolean signed_on:date phases:multichoice"),
    *_custom(T.TASK, "weight:float due_on:date mood:choice"),
    *_custom(T.TICKET, "severity:integer escalated:boolean reported_on:date areas:multichoice"),
    *_custom(T.PRODUCT, "launched_on:date sizes:multichoice discontinued:boolean grade:choice"),
    *_custom(
        T.EVENT,
        "amount:float quantity:integer plan:string channel:choice paid:boolean due_on:date "
        "sent_at:datetime",
    ),
)

CATALOG = Catalog(CUSTOM, version=1)
"""The standard attributes and a custom one of every kind."""


def catalogs() -> SearchStrategy[Catalog]:
    """CATALOG, the standard catalog, or CATALOG with some custom attributes missing."""
    some = st.lists(st.sampled_from(CUSTOM), unique=True).map(lambda c: Catalog(tuple(c), 1))
    return st.one_of(st.just(CATALOG), st.just(Catalog()), some)


# ---------------------------------------------------------------- segments

SegmentNames = Mapping[ObjectType, Sequence[tuple[int, str]]]

SEGMENTS: SegmentNames = {
    type: (
        (10 * position + 1, f"Newsletter {PLURALS[type]}"),
        (10 * position + 2, f'Odd "ς" \\ {type} #1'),
    )
    for position, type in enumerate(SEGMENT_TYPES, start=1)
}


@dataclass(frozen=True)
class SegmentPool:
    """Segments as the parser asks for them."""

    segments: SegmentNames

    def find(self, type: ObjectType, name: str) -> tuple[int, str] | None:
        for id, spelling in self.segments.get(type, ()):
            if fold(spelling) == fold(name):
                return id, spelling
        return None

    def names(self, type: ObjectType) -> Sequence[str]:
        return [name for _, name in self.segments.get(type, ())]


# ---------------------------------------------------------------- pools of values

TEXTS = (
    *("a", "A", "ab", "AB", "b", "x", "Anna", "ANNA", "anna", "it's", '"quoted"', "two  words"),
    *("Straße", "STRASSE", "ß", "ẞ", "ss", "ς", "σ", "Σ", "ΑΣ", "ας", "ασ", "ΑΣΒ", "İ", "i̇", "i"),
    *("I", "ı", "\u212a", "k", "K", "\u212b", "å", "é", "e\u0301", "É", "Ǆ", "ǅ", "ǆ", "ﬁ", "😀"),
    *("x😀y", "𐐀", "𐐨", "%", "_", "\\", "a%b", "a_b", "a\\b", "axb", "50%", "line\nbreak", "\t"),
    *("\\d", "#", " a", "a ", "\u00a0", "1", "12", "\uffff", "\U0010ffff", "\u200d"),
)
PARTS = (*TEXTS[:48], "a%", "_b", "nn", "ΝΝ", "tra", "\n", '"', "😀y", "\u0301")
"""Operands of contains, starts with and ends with."""
PATTERNS = (
    *("a", "^a", "b$", "^a.b$", "a.b", "[a-c]+", "^[^a]", "\\d", "\\w+", "\\W", "\\s", "\\S{2,3}"),
    *("\\bab", "a\\b", "(a|b){1,2}$", "a*?b", "[[:alpha:]]$", "[[:upper:]]", "ς", "^.$", "^..$"),
    *("😀", "x?", "^$", "\\.", "%", "_", "\\\\", "(?:ss|ß)", "é", "[à-ÿ]", "\\D+$", "^\\s", "n{2}"),
)
ITEMS = ("vip", "VIP", "new", "mushroom", "Mushroom", "ς", "Σ", "a%", "it's", "😀")
EVENT_NAMES = ("purchase", "login", "Purchase", "page view", "ς")
INTEGERS = (0, 1, 2, 3, 5, 10, 100, -1, -7, MAX_INTEGER, -MAX_INTEGER)
FLOATS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, -2.25, 99.99, 100.0, 0.125, 1000000.5)
"""No more than three decimals and small sums, so that a sum does not depend on its order."""
RAW: tuple[object, ...] = (
    *("text", "", "5", "true", "2026-03-15", "2026-02-30", "20260315", "2026-03-15T12:00:00Z"),
    *("2026-03-15T12:00:00.000000Z", "2026-13-01T12:00:00.000000Z", 5, 5.0, 0.5, -7, 0, 1, 1e300),
    *(2**53, 2**53 + 1, 2**70, True, False, None, [1], ["web"], {"a": 1}, "web"),
)
"""What a foreign program may have written into the JSON of an event, whatever was declared."""
AMOUNTS = (0, 1, 2, 3, 7, 12, 30, 31, 365, 366, 5000, 100_000)

DATES = tuple(
    dt.date.fromisoformat(day)
    for day in (
        "2026-03-15 2026-03-14 2026-03-16 2026-03-08 2026-03-29 2026-10-25 2026-11-01 2026-02-28 "
        "2024-02-29 2024-02-28 2024-03-01 2023-02-28 2025-12-31 2026-01-01 1900-01-01 1899-12-31 "
        "2100-12-31 2101-01-01 1970-01-01 2000-02-29 2011-12-30 2018-11-04 0001-01-01 0001-01-02 "
        "9999-12-31 9999-12-30 1584-02-29"
    ).split()
)
TIMES = (
    *(dt.time(0), dt.time(12), dt.time(2, 30), dt.time(1, 30), dt.time(10, 0, 30)),
    *(dt.time(23, 59, 59, 999_999), dt.time(0, 30), dt.time(3), dt.time(12, 0, 0, 1)),
)
OFFSETS = tuple(dt.timezone(dt.timedelta(minutes=m)) for m in (0, 60, 120, -300, 345, 840, -720))


def dates() -> SearchStrategy[dt.date]:
    return st.sampled_from(DATES)


def naive_datetimes() -> SearchStrategy[dt.datetime]:
    """Wall-clock times without an offset."""
    return st.builds(dt.datetime.combine, dates(), st.sampled_from(TIMES))


def instants() -> SearchStrategy[dt.datetime]:
    """Aware, in UTC."""
    return naive_datetimes().map(lambda naive: naive.replace(tzinfo=UTC))


TO_MANY = {type: [r for r in RELATIONS[type].values() if r.to_many] for type in ObjectType}
TO_ONE = {type: [r for r in RELATIONS[type].values() if not r.to_many] for type in ObjectType}
NUMERIC = (V.INTEGER, V.FLOAT)
TEMPORAL = (V.DATE, V.DATETIME)

# ---------------------------------------------------------------- clocks

ZONES = tuple(
    ZoneInfo(name)
    for name in (
        "UTC Europe/Warsaw America/New_York America/Sao_Paulo Pacific/Apia Asia/Kathmandu "
        "America/St_Johns America/Toronto Australia/Lord_Howe Africa/Casablanca Europe/Dublin "
        "Pacific/Kiritimati Etc/GMT+12 Asia/Tehran"
    ).split()
)
MOMENTS = tuple(
    dt.datetime.fromisoformat(moment)
    for moment in (
        "2026-03-15T12:00:00Z 2026-03-29T00:59:59.999999Z 2026-03-29T01:00:00Z "
        "2026-03-30T00:30:00Z 2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-03-08T07:00:00Z "
        "2026-11-01T05:30:00Z 2026-11-01T06:30:00Z 2018-11-04T03:00:00Z 2018-02-18T02:30:00Z "
        "2011-12-30T10:00:00Z 2011-12-31T09:59:59Z 1919-03-31T04:30:00Z 2024-02-29T23:30:00Z "
        "2024-03-31T10:00:00Z 2023-02-28T12:00:00Z 2025-12-31T23:59:59.999999Z "
        "2026-01-01T00:00:00Z 2026-05-31T15:00:00Z 0001-01-01T00:00:00Z 0001-01-02T00:00:00Z "
        "0001-02-01T03:00:00Z 9999-12-31T23:59:59.999999Z 9999-12-31T12:00:00Z "
        "9999-12-01T00:00:00Z 1900-01-01T00:00:00Z 2100-12-31T20:00:00Z 1970-01-01T00:00:00Z"
    ).split()
)


def clocks() -> SearchStrategy[Clock]:
    """Mostly the odd moments and zones above, now and then any moment at all."""
    anywhere = st.datetimes(timezones=st.just(UTC))
    moments = st.one_of(st.sampled_from(MOMENTS), st.sampled_from(MOMENTS), anywhere)
    return st.builds(Clock, moments, st.sampled_from(ZONES))


NOON = Clock(dt.datetime(2026, 3, 15, 12, tzinfo=UTC), ZONES[0])
"""A plain clock for tests that do not care."""
