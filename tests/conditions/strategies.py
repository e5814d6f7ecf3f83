"""Random catalogs, conditions, record graphs and clocks for property tests.

How to use it
-------------
    @given(cases())                                  # everything for one example of agreement
    def test_…(case): case.condition, case.workspace, case.clock, case.type

    conditions(ObjectType.DEAL, CATALOG)             # a typed tree as the parser would make it
    conditions(…, segments={})                       # without references to segments
    conditions(…, kinds={Comparison, Not})           # only those nodes (a leaf is always possible)
    workspaces(CATALOG, clock, mentioned(condition)) # a small graph; only these attributes filled
    clocks()                                         # DST nights, month ends, leap days, years 1, 9999
    catalogs()                                       # CATALOG, the bare standard one, or a random one

`CATALOG` has a custom attribute of every kind on most types and events; a test against a real
store sets it up once and loads workspaces into it (`loading.load`). `SEGMENTS` are the segments
that random conditions refer to: `SEGMENTS[type]` is a tuple of (id, name), the ids are stable, and
`SegmentPool(SEGMENTS)` is what the parser asks for names (`find`, `names`).

A `Workspace` is a graph in memory: `workspace.records(type)` are Records for truth.holds(). Values
come from small pools that records and conditions share, and times lie on and just beside the bounds
that the condition's own time forms have at the clock, so comparisons are often true.

Trees are canonical: And/Or flat and of two items or more, lists without repeats, units that fit the
type, reversed bounds only where they depend on the clock. `is set` is not asked of aggregates
unless `aggregate_is_set` is on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import dataclasses
from dataclasses import dataclass, field
import datetime as dt
from functools import lru_cache
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
    Relation,
    Storage,
    ValueType,
)
from segctl.conditions import nodes as n
from segctl.conditions.fold import fold
from segctl.conditions.nodes import Condition, Direction, Order, Unit
from segctl.conditions.stored import json_value
from segctl.conditions.time import Clock, intervals
from segctl.conditions.truth import Value

UTC = dt.UTC
T = ObjectType
V = ValueType
X = TypeVar("X")

# ---------------------------------------------------------------- drawing


@lru_cache(maxsize=None)
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


# ---------------------------------------------------------------- conditions

TO_MANY = {type: [r for r in RELATIONS[type].values() if r.to_many] for type in ObjectType}
TO_ONE = {type: [r for r in RELATIONS[type].values() if not r.to_many] for type in ObjectType}
NUMERIC = (V.INTEGER, V.FLOAT)
TEMPORAL = (V.DATE, V.DATETIME)
NODES = frozenset(
    (n.Everything, n.And, n.Or, n.Not, n.Comparison, n.Any, n.Aggregate, n.EventCount, n.EventEdge)
    + (n.InSegment,)
)
"""What `kinds` is chosen from; Aggregate is a Comparison of one."""


@dataclass(frozen=True)
class _Grower:
    """Draws trees. `depth` is how many levels of nesting are left."""

    draw: DrawFn
    catalog: Catalog
    segments: SegmentNames
    kinds: frozenset[type]
    aggregate_is_set: bool

    def pick(self, options: Sequence[X]) -> X:
        return pick(self.draw, options)

    def some(self, options: Sequence[X], most: int = 3) -> tuple[X, ...]:
        return some(self.draw, options, most=most)

    def maybe(self) -> bool:
        return self.pick((False, True))

    # -- trees

    def condition(self, type: ObjectType, depth: int) -> Condition:
        options = [k for k in self._possible(type, depth) if k in self.kinds] or [n.Comparison]
        kind = self.pick(options)
        if kind is n.Everything:
            return n.Everything()
        if kind in (n.And, n.Or):
            return self._logic(kind, lambda: self.condition(type, depth - 1))
        if kind is n.Not:
            return n.Not(self.condition(type, depth - 1))
        if kind is n.Any:
            return self._any(type, depth)
        if kind is n.Aggregate:
            return self._aggregate(type, depth)
        if kind is n.EventCount:
            name, where = self.pick(EVENT_NAMES), self.where(T.EVENT, depth)
            times, number = self.pick(tuple(n.Times)), self.pick((0, 1, 1, 2, 3))
            return n.EventCount(name, where, times, number, self._window())
        if kind is n.EventEdge:
            edge, name = self.pick(tuple(n.Edge)), self.pick(EVENT_NAMES)
            where = self.where(T.EVENT, depth)
            if self.maybe():
                return n.EventEdge(edge, name, where, self.time_test(V.DATETIME), None)
            return n.EventEdge(edge, name, where, None, self.condition(T.EVENT, depth - 1))
        if kind is n.InSegment:
            hops, reached = self.hops(type, want=lambda t: bool(self.segments.get(t)))
            id, name = self.pick(self.segments[reached])
            return n.InSegment(hops, reached, name, id)
        return self._comparison(type)

    def _possible(self, scope: ObjectType, depth: int) -> Iterator[type]:
        """The nodes that fit, those that are to come more often several times."""
        if depth > 0:
            yield from (n.And, n.Or, n.Not, n.Not, n.Any, n.Any, n.Aggregate, n.Aggregate)
            if scope is T.CONTACT:
                yield from (n.EventCount, n.EventCount, n.EventEdge, n.EventEdge)
        else:
            yield from (n.Comparison,) * 10
        if any(self.segments.get(t) for t in {scope, *(r.target for r in TO_ONE[scope])}):
            yield n.InSegment
        yield from (n.Comparison, n.Comparison, n.Everything)

    def _logic(self, kind: type[n.And] | type[n.Or], item: Callable[[], Condition]) -> Condition:
        drawn = [item() for _ in range(self.pick((2, 2, 3)))]
        flat: list[Condition] = []
        for one in drawn:
            flat += one.items if isinstance(one, kind) else (one,)
        return kind(tuple(flat))

    def where(self, type: ObjectType, depth: int) -> Condition | None:
        return self.condition(type, depth - 1) if self.pick((False, True, True)) else None

    def _comparison(self, type: ObjectType) -> Condition:
        hops, reached = self.hops(type)
        links = TO_ONE[reached]
        if links and self.pick((True, *(False,) * 7)):
            return n.Comparison(n.Link((*hops, self.pick(links))), n.IsSet())
        attribute = self.attribute(reached)
        if self.pick((True, *(False,) * 7)):
            return n.Comparison(n.Field(hops, attribute), n.IsSet())
        return n.Comparison(n.Field(hops, attribute), self.test(attribute))

    def attribute(self, type: ObjectType, kinds: Iterable[ValueType] = tuple(V)) -> Attribute:
        """By kind first, or strings would crowd out the rest."""
        all_of = self.catalog.attributes[type].values()
        present = sorted({a.kind for a in all_of if a.kind in kinds})
        kind = self.pick(present)
        return self.pick([a for a in all_of if a.kind is kind])

    def hops(
        self, type: ObjectType, want: Callable[[ObjectType], bool] = lambda t: True
    ) -> tuple[tuple[Relation, ...], ObjectType]:
        """A path of up to three to-one relations that ends at a wanted type."""
        path: list[Relation] = []
        while TO_ONE[type] and len(path) < 3:
            onwards = [r for r in TO_ONE[type] if want(r.target)]
            if not onwards or (want(type) and self.pick((True, True, False))):
                break
            path.append(self.pick(onwards))
            type = path[-1].target
        return tuple(path), type

    def _many(self, type: ObjectType) -> n.Many | n.Field:
        hops, reached = self.hops(type, want=lambda t: t is not T.EVENT)
        listed = [a for a in self.catalog.attributes[reached].values() if a.kind.many]
        if (listed and self.pick((True, False, False))) or not TO_MANY[reached]:
            return n.Field(hops, self.pick(listed)) if listed else self._many(T.CONTACT)
        return n.Many(hops, self.pick(TO_MANY[reached]))

    def _any(self, type: ObjectType, depth: int) -> Condition:
        if type is T.EVENT and not TO_ONE[type]:
            return n.Everything()
        many = self._many(type)
        return n.Any(many, self._inner(many, depth))

    def _inner(self, many: n.Many | n.Field, depth: int) -> Condition | None:
        if isinstance(many, n.Many):
            return self.where(many.target, depth)
        return self._item_condition(depth) if self.maybe() else None

    def _item_condition(self, depth: int) -> Condition:
        if depth > 1 and self.pick((True, False, False)):
            kind = self.pick((n.And, n.Or, n.Not))
            if kind is n.Not:
                return n.Not(self._item_condition(depth - 1))
            return self._logic(kind, lambda: self._item_condition(depth - 1))
        return n.Comparison(n.Item(), self.text_test(ITEMS))

    def _aggregate(self, type: ObjectType, depth: int) -> Condition:
        many = self._many(type)
        where = self._inner(many, depth)
        function = self.pick(tuple(n.Function))
        if function is n.Function.COUNT or isinstance(many, n.Field):
            operand = n.Aggregate(n.Function.COUNT, many, None, where)
            return n.Comparison(operand, self.number_test((0, 1, 2, 3, 0.5)))
        numbers_only = function in (n.Function.SUM, n.Function.AVG)
        kinds = NUMERIC if numbers_only else (*NUMERIC, *TEMPORAL)
        present = {a.kind for a in self.catalog.attributes[many.target].values()}
        if present.isdisjoint(kinds):  # an event of the bare catalog has no numbers
            kinds, function = TEMPORAL, n.Function.MAX
        attribute = self.attribute(many.target, kinds)
        operand = n.Aggregate(function, many, attribute, where)
        if self.aggregate_is_set and self.pick((True, *(False,) * 5)):
            return n.Comparison(operand, n.IsSet())
        if attribute.kind in TEMPORAL:
            return n.Comparison(operand, self.time_test(attribute.kind))
        return n.Comparison(operand, self.number_test())

    # -- tests

    def test(self, attribute: Attribute) -> n.Test:
        match attribute.kind:
            case V.STRING:
                named = attribute.type is T.EVENT and attribute.name == "name"
                return self.text_test(EVENT_NAMES if named else TEXTS)
            case V.CHOICE:
                return self.text_test(attribute.choices)
            case V.INTEGER | V.FLOAT:
                return self.number_test()
            case V.BOOLEAN:
                return self.pick((n.IsTrue(), n.IsFalse()))
            case V.DATE | V.DATETIME:
                return self.time_test(attribute.kind)
            case V.MULTICHOICE:
                return n.Has(self.pick(tuple(n.HasMode)), self.some(attribute.choices))
            case V.TAGS:
                return n.Has(self.pick(tuple(n.HasMode)), self.some(ITEMS))

    def text_test(self, pool: Sequence[str]) -> n.Test:
        kind = self.pick((n.TextIn, n.TextIn, n.TextPart, n.Matches))
        if kind is n.TextIn:
            return n.TextIn(self.some(pool), self.maybe())
        if kind is n.TextPart:
            return n.TextPart(self.pick(tuple(n.Part)), self.pick((*PARTS, *pool)))
        return n.Matches(self.pick(PATTERNS))

    def number_test(self, pool: Sequence[n.Number] = (*INTEGERS, *FLOATS)) -> n.Test:
        kind = self.pick((n.NumberVersus, n.NumberVersus, n.NumberBetween, n.NumberIn))
        if kind is n.NumberVersus:
            return n.NumberVersus(self.pick(tuple(Order)), self.pick(pool))
        if kind is n.NumberBetween:
            return n.NumberBetween(*sorted((self.pick(pool), self.pick(pool))))
        return n.NumberIn(self.some(sorted(set(pool))))

    def time_test(self, kind: ValueType) -> n.TimeTest:
        forms = (n.Rolling, n.Distance, n.Period, n.Versus, n.BetweenPoints, n.Anniversary)
        form = self.pick(forms)
        if form is n.Distance:
            unit, direction = self.unit(kind), self.pick(tuple(Direction))
            return n.Distance(self.maybe(), self.pick(AMOUNTS), unit, direction)
        if form is n.Anniversary:
            return n.Anniversary(self._anniversary_test())
        return self._plain_time_test(form, kind)

    def _window(self) -> n.TimeTest | None:
        """What an event count takes: rolling, a period, between, before, after, on, or nothing."""
        form = self.pick((None, n.Rolling, n.Period, n.Versus, n.BetweenPoints))
        if form is None:
            return None
        if form is n.Versus:
            order = self.pick((Order.LT, Order.EQ, Order.GT))
            return n.Versus(order, self.day() if order is Order.EQ else self.point(V.DATETIME))
        return self._plain_time_test(form, V.DATETIME)

    def _plain_time_test(self, form: type, kind: ValueType) -> n.TimeTest:
        if form is n.Rolling:
            return n.Rolling(self.pick(tuple(Direction)), self.pick(AMOUNTS), self.unit(kind))
        if form is n.Period:
            units = (Unit.WEEK, Unit.MONTH, Unit.QUARTER, Unit.YEAR)
            return n.Period(self.pick(tuple(n.Which)), self.pick(units))
        if form is n.Versus:
            return n.Versus(self.pick(tuple(Order)), self.point(kind))
        low, high = self.point(kind), self.point(kind)
        return n.BetweenPoints(high, low) if _reversed(low, high) else n.BetweenPoints(low, high)

    def _anniversary_test(self) -> n.Versus | n.Rolling | n.Period:
        form = self.pick((n.Versus, n.Rolling, n.Period))
        if form is n.Versus:
            return n.Versus(Order.EQ, self.day())
        if form is n.Period:
            return n.Period(self.pick(tuple(n.Which)), self.pick((Unit.WEEK, Unit.MONTH)))
        unit, amount = self.pick(
            ((Unit.DAY, 0), (Unit.DAY, 7), (Unit.DAY, 366), (Unit.WEEK, 2), (Unit.WEEK, 52))
            + ((Unit.MONTH, 1), (Unit.MONTH, 12))
        )
        return n.Rolling(self.pick(tuple(Direction)), amount, unit)

    def unit(self, kind: ValueType) -> Unit:
        return self.pick([u for u in Unit if kind is V.DATETIME or not u.exact])

    def point(self, kind: ValueType) -> n.Point:
        if self.maybe():
            return self.day()
        shifts = self.shifts(list(Unit) if kind is V.DATETIME else [])
        if kind is V.DATE or self.maybe():
            return n.Instant(n.Anchor.NOW, shifts)
        naive = dt.datetime.combine(self.pick(DATES), self.pick(TIMES))
        if self.maybe():
            naive = naive.replace(tzinfo=self.pick(OFFSETS))
        return n.Instant(naive, shifts)

    def day(self) -> n.Day:
        anchors = (n.Anchor.TODAY, n.Anchor.YESTERDAY, n.Anchor.TOMORROW)
        base = self.pick(anchors) if self.maybe() else self.pick(DATES)
        return n.Day(base, self.shifts([u for u in Unit if not u.exact]))

    def shifts(self, units: Sequence[Unit]) -> tuple[n.Shift, ...]:
        if not units:
            return ()
        amounts = [sign * amount for amount in AMOUNTS if amount for sign in (1, -1)]
        return tuple(
            n.Shift(self.pick(amounts), self.pick(units)) for _ in range(self.pick((0, 0, 1, 2)))
        )


def _reversed(low: n.Point, high: n.Point) -> bool:
    """Whether both bounds are literals and the wrong way round, whatever the zone."""
    if low.shifts or high.shifts:
        # The same anchor with shifts may be found reversed without a clock; keep those in order.
        return low.base == high.base and _offset(low) > _offset(high)
    if isinstance(low.base, n.Anchor) or isinstance(high.base, n.Anchor):
        return low.base == n.Anchor.TOMORROW or high.base == n.Anchor.YESTERDAY
    return _roughly(low.base) > _roughly(high.base)


def _offset(point: n.Point) -> float:
    days = dict(zip(Unit, (1 / 86400, 1 / 1440, 1 / 24, 1, 7, 30.4, 91.3, 365.2), strict=True))
    return sum(shift.amount * days[shift.unit] for shift in point.shifts)


def _roughly(base: dt.date) -> dt.datetime:
    if not isinstance(base, dt.datetime):
        return dt.datetime.combine(base, dt.time())
    if (offset := base.utcoffset()) is None:
        return base
    try:
        return base.replace(tzinfo=None) - offset
    except OverflowError:
        return base.replace(tzinfo=None)


@st.composite
def conditions(
    draw: DrawFn,
    type: ObjectType,
    catalog: Catalog = CATALOG,
    segments: SegmentNames = SEGMENTS,
    depth: int = 3,
    kinds: Iterable[type] = NODES,
    aggregate_is_set: bool = False,
) -> Condition:
    """A tree over records of `type`, nested at most `depth` levels."""
    grower = _Grower(draw, catalog, segments, frozenset(kinds), aggregate_is_set)
    return grower.condition(type, pick(draw, (*range(depth + 1), depth)))


def parts(tree: object) -> Iterator[object]:
    """Every node, test, operand, attribute and relation of a tree, itself included."""
    yield tree
    if dataclasses.is_dataclass(tree):
        for each in dataclasses.fields(tree):
            yield from parts(getattr(tree, each.name))
    elif isinstance(tree, tuple):
        for item in tree:
            yield from parts(item)


def mentioned(condition: Condition) -> set[Attribute]:
    """The attributes that a condition names."""
    return {part for part in parts(condition) if isinstance(part, Attribute)}


# ---------------------------------------------------------------- workspaces


@dataclass(eq=False)
class Row:
    """A record in memory; satisfies truth.Record.

    `values`, `lists` and `ones` are keyed by attribute or relation name. `raw` is what the JSON of
    an event holds where that is not what the attribute's type would be written as; it hides the
    value of the same name.
    """

    workspace: "Workspace"
    type: ObjectType
    id: int
    values: dict[str, Value] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ones: dict[str, int] = field(default_factory=dict)
    raw: dict[str, object] = field(default_factory=dict)

    def value(self, attribute: Attribute) -> Value:
        if attribute.name in self.raw:
            return json_value(self.raw[attribute.name], attribute.kind)
        return self.values.get(attribute.name)

    def items(self, attribute: Attribute) -> Sequence[str]:
        return self.lists.get(attribute.name, ())

    def one(self, relation: Relation) -> "Row | None":
        id = self.ones.get(relation.name)
        return None if id is None else self.workspace.rows[relation.target][id]

    def many(self, relation: Relation) -> Sequence["Row"]:
        rows = self.workspace.rows[relation.target].values()
        if relation.storage is Storage.CHILD:
            return [row for row in rows if row.ones.get(relation.inverse) == self.id]
        if relation.source is T.DEAL:
            return [row for row in rows if (self.id, row.id) in self.workspace.links]
        return [row for row in rows if (row.id, self.id) in self.workspace.links]

    def is_member(self, segment: int) -> bool:
        return (segment, self.id) in self.workspace.members.get(self.type, ())

    def __repr__(self) -> str:
        parts = {**self.values, **self.lists, **{f"{k}_id": v for k, v in self.ones.items()}, **self.raw}
        return f"{self.type} {self.id} {parts}"


@dataclass(eq=False)
class Workspace:
    """A graph of records in memory.

    `links` are pairs (deal id, product id); `members` are pairs (segment id, record id) by type.
    """

    catalog: Catalog
    rows: dict[ObjectType, dict[int, Row]] = field(
        default_factory=lambda: {type: {} for type in ObjectType}
    )
    links: set[tuple[int, int]] = field(default_factory=set)
    members: dict[ObjectType, set[tuple[int, int]]] = field(default_factory=dict)

    def add(self, type: ObjectType, id: int | None = None) -> Row:
        """A new record without values; by default its id is the next of its type."""
        row = Row(self, type, len(self.rows[type]) + 1 if id is None else id)
        self.rows[type][row.id] = row
        return row

    def records(self, type: ObjectType) -> list[Row]:
        return list(self.rows[type].values())

    def __repr__(self) -> str:
        rows = [repr(row) for rows in self.rows.values() for row in rows.values()]
        return "\n".join([*rows, f"links {self.links}", f"members {self.members}"])


def moments_near(clock: Clock, condition: Condition | None) -> tuple[list[dt.date], list[dt.datetime]]:
    """Days and instants on and beside the bounds of the condition's time forms, and near now."""
    days, times = list(DATES[:12]), [clock.now]
    tests = [part for part in parts(condition) if isinstance(part, n.TimeTest)] if condition else []
    for test in (*tests, n.Versus(Order.EQ, n.Day(n.Anchor.TODAY))):
        for kind in TEMPORAL:
            try:
                found = intervals(test, kind, clock)
            except ValueError:  # hours, on a date
                continue
            for interval in (*found[:2], *found[-2:], *found[len(found) // 2 :][:2]):
                for bound in (interval.low, interval.high):
                    if bound is not None:
                        (times if kind is V.DATETIME else days).extend(_beside(bound))
    return list(dict.fromkeys(days)), list(dict.fromkeys(times))


def _beside(bound: dt.date) -> Iterator[dt.date]:
    step = dt.timedelta(microseconds=1) if isinstance(bound, dt.datetime) else dt.timedelta(days=1)
    yield bound
    for away in (-step, step):
        try:
            yield bound + away
        except OverflowError:
            continue


@st.composite
def workspaces(
    draw: DrawFn,
    catalog: Catalog = CATALOG,
    clock: Clock = NOON,
    fill: Iterable[Attribute] | None = None,
    condition: Condition | None = None,
    segments: SegmentNames = SEGMENTS,
    most: int = 3,
    subject: ObjectType | None = None,
) -> Workspace:
    """Up to `most` records a type (events: twice that; of `subject`: one more), with gaps.

    Only the attributes in `fill` (default: all) get values; external_id and an event's own name and
    time always do. Times lie around `clock` and the bounds of `condition`.
    """
    workspace = Workspace(catalog)
    days, times = moments_near(clock, condition)
    times += [moment.replace(tzinfo=UTC) for moment in (dt.datetime(2026, 3, 15), dt.datetime.max)]
    wanted = None if fill is None else set(fill)
    for type in ObjectType:
        number = pick(draw, range(2 * most + 1 if type is T.EVENT else most + 1))
        if type is subject:
            number += 1
        if type is T.EVENT and not workspace.rows[T.CONTACT]:
            number = 0
        for _ in range(number):
            row = workspace.add(type)
            row.values["external_id"] = f"{type}-{row.id}"
            for attribute in catalog.attributes[type].values():
                fixed = attribute.name == "external_id"
                if not fixed and (wanted is None or attribute in wanted):
                    _fill(draw, row, attribute, days, times)
            if type is T.EVENT:
                row.values["name"] = pick(draw, EVENT_NAMES)
                row.values["occurred_at"] = pick(draw, times)
    _relate(draw, workspace)
    for type, listed in segments.items():
        pairs = [(id, row) for id, _ in listed for row in workspace.rows[type]]
        workspace.members[type] = set(some(draw, pairs, least=0, most=4)) if pairs else set()
    return workspace


def _fill(
    draw: DrawFn,
    row: Row,
    attribute: Attribute,
    days: Sequence[dt.date],
    times: Sequence[dt.datetime],
) -> None:
    if attribute.kind.many:
        pool = attribute.choices or ITEMS
        if items := some(draw, pool, least=0):
            row.lists[attribute.name] = items
        return
    pools: dict[ValueType, Sequence[Value]] = {
        V.STRING: TEXTS,
        V.CHOICE: attribute.choices,
        V.INTEGER: INTEGERS,
        V.FLOAT: FLOATS,
        V.BOOLEAN: (True, False),
        V.DATE: days,
        V.DATETIME: times,
    }
    if row.type is T.EVENT and not attribute.standard and pick(draw, (False,) * 5 + (True,)):
        row.raw[attribute.name] = pick(draw, RAW)
    elif pick(draw, (True, True, True, True, False)):
        row.values[attribute.name] = pick(draw, pools[attribute.kind])


def _relate(draw: DrawFn, workspace: Workspace) -> None:
    for type in ObjectType:
        for row in workspace.records(type):
            for relation in TO_ONE[type]:
                targets = list(workspace.rows[relation.target])
                owner = type is T.EVENT and relation.target is T.CONTACT
                if targets and (owner or pick(draw, (True, True, False))):
                    row.ones[relation.name] = pick(draw, targets)
    pairs = [(d, p) for d in workspace.rows[T.DEAL] for p in workspace.rows[T.PRODUCT]]
    if pairs:
        workspace.links = set(some(draw, pairs, least=0, most=6))


# ---------------------------------------------------------------- whole examples


@dataclass(frozen=True)
class Case:
    """One example of agreement: which of the workspace's records of `type` satisfy the condition?"""

    type: ObjectType
    condition: Condition
    workspace: Workspace
    clock: Clock


@st.composite
def cases(
    draw: DrawFn,
    catalog: Catalog = CATALOG,
    segments: SegmentNames = SEGMENTS,
    depth: int = 3,
    types: Sequence[ObjectType] = (*SEGMENT_TYPES, T.CONTACT, T.CONTACT, T.DEAL),
) -> Case:
    """A type, a condition, a clock, and a workspace filled with what the condition asks for."""
    type = pick(draw, types)
    condition = draw(conditions(type, catalog, segments, depth))
    clock = draw(clocks())
    fill = mentioned(condition)
    workspace = draw(workspaces(catalog, clock, fill, condition, segments, subject=type))
    return Case(type, condition, workspace, clock)
