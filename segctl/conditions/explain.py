"""Why one record satisfies a condition, or not: truth.py's answer with all that led to it.

The tree of explanations has a node for each part of the condition. Nothing is cut short as truth
does it: a person who asks why wants to see every part of an `and`.
"""

from collections.abc import Sequence, Set
from dataclasses import replace
import datetime as dt
from typing import assert_never

from segctl.catalog import STANDARD, ObjectType, Relation, ValueType
from segctl.conditions import walk
from segctl.conditions.explanation import Example, Explanation, Form, Membership, Related
from segctl.conditions.nodes import (
    Aggregate,
    And,
    Any,
    Comparison,
    Condition,
    EventCount,
    EventEdge,
    Everything,
    Field,
    InSegment,
    Item,
    Link,
    Many,
    Not,
    Operand,
    Or,
    TimeTest,
)
from segctl.conditions.printer import to_text
from segctl.conditions.time import Clock, Interval, intervals
from segctl.conditions.truth import (
    OneItem,
    Record,
    Scope,
    Value,
    edge_event,
    enough,
    holds,
    kind_of,
    occurrences,
    passes,
    reach,
    related,
    value_of,
)

EXAMPLES = 3
"""So many related records are shown for each part."""

_OCCURRED_AT = STANDARD[ObjectType.EVENT]["occurred_at"]


def explain(
    condition: Condition,
    record: Scope,
    clock: Clock,
    *,
    uncounted: Set[int] = frozenset(),
    examples: int = EXAMPLES,
) -> Explanation:
    """Why the record satisfies the condition at the clock, or not.

    `uncounted` are the ids of segments that were never counted: of their members nothing is known.
    """
    return _Explainer(clock, uncounted, examples).of(condition, record)


class _Explainer:
    def __init__(self, clock: Clock, uncounted: Set[int], examples: int) -> None:
        self._clock = clock
        self._uncounted = uncounted
        self._examples = examples

    def of(self, condition: Condition, scope: Scope) -> Explanation:
        text = to_text(condition)
        match condition:
            case Everything():
                return Explanation(text, Form.EVERYTHING, True)
            case And(items):
                children = tuple(self.of(item, scope) for item in items)
                truth = all(child.truth for child in children)
                settled = any(child.known and not child.truth for child in children)
                known = settled or all(child.known for child in children)
                return Explanation(text, Form.ALL, truth, known, children=children)
            case Or(items):
                children = tuple(self.of(item, scope) for item in items)
                truth = any(child.truth for child in children)
                settled = any(child.known and child.truth for child in children)
                known = settled or all(child.known for child in children)
                return Explanation(text, Form.ANY, truth, known, children=children)
            case Not(And() | Or() | Not() as item):
                child = self.of(item, scope)
                return Explanation(text, Form.NOT, not child.truth, child.known, children=(child,))
            case Not(item):
                positive = self.of(item, scope)
                return replace(positive, condition=text, truth=not positive.truth, negated=True)
            case Comparison():
                return self._comparison(text, condition, scope)
            case Any(many, where):
                return self._any(text, many, where, scope)
            case EventCount():
                return self._events(text, condition, _record(scope))
            case EventEdge():
                return self._event(text, condition, _record(scope))
            case InSegment():
                return self._segment(text, condition, _record(scope))
            case _:
                assert_never(condition)

    # ------------------------------------------------------------ values

    def _comparison(self, text: str, node: Comparison, scope: Scope) -> Explanation:
        operand, test = node.operand, node.test
        found = value_of(operand, scope, self._clock)
        kind = kind_of(operand)
        single = isinstance(found, str) or not isinstance(found, Sequence)
        explanation = Explanation(
            text,
            Form.COMPARISON,
            passes(test, found, kind, self._clock),
            found=found if single else tuple(found),  # type: ignore[arg-type]
            tested=True,
            ends_at=_dead_end(_hops(operand), scope),
            bounds=self._bounds(test, kind, found) if walk.is_time_test(test) else None,
        )
        if isinstance(operand, Link):
            return replace(explanation, found=_called(reach(operand.hops, _record(scope))))
        if isinstance(operand, Aggregate):
            there = self._related(operand.many, operand.where, scope, operand)
            return replace(explanation, related=there, known=self._certain(operand, scope))
        return explanation

    def _certain(self, operand: Aggregate, scope: Scope) -> bool:
        if operand.where is None or not self._mentions(operand.where):
            return True
        return all(self.of(operand.where, one).known for one in related(operand.many, scope))

    def _bounds(self, test: TimeTest, kind: ValueType, value: object) -> tuple[Interval, ...]:
        """The accepted intervals: all, or of the many of an anniversary those around the value."""
        found = intervals(test, kind, self._clock)
        if len(found) <= 1:
            return found
        today = self._clock.now if kind is ValueType.DATETIME else self._clock.today
        near = value if isinstance(value, dt.date) else today
        inside = tuple(interval for interval in found if near in interval)
        if inside:
            return inside
        before = [i for i in found if i.high is not None and i.high < near]
        after = [i for i in found if i.low is not None and i.low > near]
        return (*before[-1:], *after[:1])

    # ------------------------------------------------------------ related records

    def _any(
        self, text: str, many: Many | Field, where: Condition | None, scope: Scope
    ) -> Explanation:
        there = self._related(many, where, scope)
        known = True
        if where is not None and self._mentions(where):
            seen = [self.of(where, one) for one in related(many, scope)]
            settled = any(one.known and one.truth for one in seen)
            known = settled or all(one.known for one in seen)
        return Explanation(
            text,
            Form.RELATED,
            there.satisfying > 0,
            known,
            found=there.satisfying,
            tested=True,
            ends_at=_dead_end(many.hops, scope),
            related=there,
        )

    def _related(
        self,
        many: Many | Field,
        where: Condition | None,
        scope: Scope,
        aggregate: Aggregate | None = None,
    ) -> Related:
        found = list(related(many, scope))
        marked = [(one, where is None or holds(where, one, self._clock)) for one in found]
        satisfying = sum(good for _, good in marked)
        # Those that satisfy it say why it is true; if none does, some others say why not.
        shown = [one for one in marked if one[1]] or marked
        examples = tuple(
            self._example(one, good, where, aggregate) for one, good in shown[: self._examples]
        )
        return Related(len(found), satisfying, satisfying, examples)

    def _example(
        self,
        one: Scope,
        counts: bool,
        inner: Condition | None,
        aggregate: Aggregate | None = None,
    ) -> Example:
        why = None if inner is None else self.of(inner, one)
        if isinstance(one, OneItem):
            return Example(None, None, None, one.item, None, None, counts, why)
        read = aggregate.attribute if aggregate is not None else None
        at = one.value(_OCCURRED_AT) if one.type is ObjectType.EVENT else None
        return Example(
            one.type,
            one.id,
            _text(one, "external_id"),
            _text(one, "name"),
            at if isinstance(at, dt.datetime) else None,
            None if read is None else one.value(read),
            counts,
            why,
        )

    # ------------------------------------------------------------ events

    def _events(self, text: str, node: EventCount, record: Record) -> Explanation:
        named = list(occurrences(node.name, None, record, self._clock))
        good = list(occurrences(node.name, node.where, record, self._clock))
        counting = [event for event in good if self._falls(node.window, event)]
        counted = {event.id for event in counting}
        shown = sorted(counting or good or named, key=_newest_first)[: self._examples]
        window = node.window
        return Explanation(
            text,
            Form.EVENTS,
            enough(node.times, len(counting), node.number),
            self._certain_events(node.where, named),
            found=len(counting),
            tested=True,
            bounds=self._bounds(window, ValueType.DATETIME, None) if window else None,
            related=Related(
                len(named),
                len(good),
                len(counting),
                tuple(self._example(event, event.id in counted, node.where) for event in shown),
            ),
        )

    def _falls(self, window: TimeTest | None, event: Record) -> bool:
        at = event.value(_OCCURRED_AT)
        return window is None or passes(window, at, ValueType.DATETIME, self._clock)

    def _event(self, text: str, node: EventEdge, record: Record) -> Explanation:
        named = list(occurrences(node.name, None, record, self._clock))
        good = list(occurrences(node.name, node.where, record, self._clock))
        event = edge_event(node.edge, good)
        at: Value = None
        truth, certain, example = False, self._certain_events(node.where, named), None
        if event is not None:
            at = event.value(_OCCURRED_AT)
            example = self._example(event, True, node.having)
            having = example.why
            truth = self._falls(node.when, event) and (having is None or having.truth)
            certain = certain and (having is None or having.known)
            example = replace(example, counts=truth)
        return Explanation(
            text,
            Form.EVENT,
            truth,
            certain,
            found=at,
            tested=True,
            bounds=self._bounds(node.when, ValueType.DATETIME, at) if node.when else None,
            related=Related(
                len(named), len(good), int(truth), (example,) if example is not None else ()
            ),
        )

    def _certain_events(self, where: Condition | None, events: Sequence[Record]) -> bool:
        if where is None or not self._mentions(where):
            return True
        return all(self.of(where, event).known for event in events)

    # ------------------------------------------------------------ segments

    def _segment(self, text: str, node: InSegment, record: Record) -> Explanation:
        reached = reach(node.hops, record)
        return Explanation(
            text,
            Form.SEGMENT,
            reached is not None and reached.is_member(node.segment),
            reached is None or node.segment not in self._uncounted,
            ends_at=_dead_end(node.hops, record),
            membership=Membership(
                node.segment,
                node.name,
                node.type,
                None if reached is None else reached.id,
                None if reached is None else _text(reached, "external_id"),
            ),
        )

    def _mentions(self, condition: Condition) -> bool:
        return not walk.segments(condition).isdisjoint(self._uncounted)


def event_names(condition: Condition) -> frozenset[str] | None:
    """The names of the only events that the condition reads; None if it may read any."""
    names: set[str] = set()
    for node in walk.walk(condition):
        match node:
            case EventCount(name=name) | EventEdge(name=name):
                names.add(name)
            case Any(many=Many() as many) | Comparison(Aggregate(many=Many() as many)):
                if many.target is ObjectType.EVENT:
                    return None
    return frozenset(names)


def _newest_first(event: Record) -> tuple[float, int]:
    at = event.value(_OCCURRED_AT)
    assert isinstance(at, dt.datetime)
    return -(at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds(), -event.id


def _record(scope: Scope) -> Record:
    assert not isinstance(scope, OneItem)
    return scope


def _called(record: Record | None) -> str | None:
    """The external id of a record, or `#12` if it has none."""
    return None if record is None else _text(record, "external_id") or f"#{record.id}"


def _text(record: Record, name: str) -> str | None:
    value = record.value(STANDARD[record.type][name])
    return value if isinstance(value, str) else None


def _hops(operand: Operand) -> tuple[Relation, ...]:
    match operand:
        case Field(hops) | Link(hops):
            return hops
        case Aggregate(many=many):
            return many.hops
        case Item():
            return ()
        case _:
            assert_never(operand)


def _dead_end(hops: Sequence[Relation], scope: Scope) -> str | None:
    """The first relation of a path that leads to no record, as it is written; None if all do."""
    if not hops:
        return None
    record: Record | None = _record(scope)
    for place, hop in enumerate(hops, start=1):
        assert record is not None
        record = record.one(hop)
        if record is None:
            return ".".join(each.name for each in hops[:place])
    return None
