"""Random conditions: typed trees as the parser would make them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
import dataclasses
from dataclasses import dataclass
import datetime as dt

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from segctl.catalog import Attribute, Catalog, ObjectType, Relation, ValueType
from segctl.conditions import nodes as n
from segctl.conditions.nodes import Condition, Direction, Order, Unit
from tests.conditions.pools import (
    AMOUNTS,
    CATALOG,
    DATES,
    EVENT_NAMES,
    FLOATS,
    INTEGERS,
    ITEMS,
    NUMERIC,
    OFFSETS,
    PARTS,
    PATTERNS,
    SEGMENTS,
    TEMPORAL,
    TEXTS,
    TIMES,
    TO_MANY,
    TO_ONE,
    SegmentNames,
    X,
    pick,
    some,
)

T = ObjectType
V = ValueType

NODES = frozenset(
    (
        *(n.Everything, n.And, n.Or, n.Not, n.Comparison, n.Any, n.Aggregate),
        *(n.EventCount, n.EventEdge, n.InSegment),
    )
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
                return n.EventEdge(
                    edge, name, where, self.time_test(V.DATETIME, written_after=True), None
                )
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
        if self.pick((True, *(False,) * 9)):
            return n.Comparison(n.Item(), n.IsSet())
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

    def time_test(self, kind: ValueType, written_after: bool = False) -> n.TimeTest:
        """Any form; an anniversary is written before its operand, which an event does not allow."""
        forms = (n.Rolling, n.Distance, n.Period, n.Versus, n.BetweenPoints, n.Anniversary)
        form = self.pick(forms[:-1] if written_after else forms)
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
            (
                *((Unit.DAY, 0), (Unit.DAY, 7), (Unit.DAY, 366), (Unit.WEEK, 2)),
                *((Unit.WEEK, 52), (Unit.MONTH, 1), (Unit.MONTH, 12)),
            )
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
    aggregate_is_set: bool = True,
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
