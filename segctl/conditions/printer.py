"""Tree → text in the canonical form: parse(to_text(c)) == c.

Single spaces, one line, double quotes, no bracket that is not needed, the short form of every
negation, names of segments as they are now.
"""

from typing import assert_never

from segctl.conditions.literals import number_text, point_text, quote, span_text
from segctl.conditions.nodes import (
    Aggregate,
    And,
    Anniversary,
    Any,
    BetweenPoints,
    Comparison,
    Condition,
    Day,
    Direction,
    Distance,
    EventCount,
    EventEdge,
    Everything,
    Field,
    Has,
    HasMode,
    InSegment,
    IsFalse,
    IsSet,
    IsTrue,
    Item,
    Link,
    Many,
    Matches,
    Not,
    NumberBetween,
    NumberIn,
    NumberVersus,
    Operand,
    Or,
    Order,
    Period,
    Rolling,
    Test,
    TextIn,
    TextPart,
    Times,
    Versus,
)


def to_text(condition: Condition) -> str:
    """The canonical form, as people read it."""
    return _Printer(by_id=False).condition(condition)


def definition_text(condition: Condition) -> str:
    """The canonical form with segments by id (`in segment #12`): a rename does not change it.

    For the definition hash only; it is not meant to be parsed.
    """
    return _Printer(by_id=True).condition(condition)


class _Printer:
    def __init__(self, *, by_id: bool) -> None:
        self._by_id = by_id

    def condition(self, condition: Condition) -> str:
        match condition:
            case Or(items):
                return " or ".join(map(self._in_or, items))
            case And(items):
                return " and ".join(map(self._single, items))
            case Not(item):
                return self._negated(item)
            case Everything():
                return "everything"
            case Comparison(operand, test):
                return f"{_subject(self, operand, test)} {self._test(test, False)}"
            case Any(many, where):
                return self._quantified("any", many, where)
            case EventCount():
                return self._event_count("event", condition)
            case EventEdge():
                return self._event_edge(condition, False)
            case InSegment():
                return self._in_segment(condition, False)
            case _:
                assert_never(condition)

    def _in_or(self, condition: Condition) -> str:
        """An item of an or: and binds tighter, so only another or needs brackets."""
        text = self.condition(condition)
        return f"({text})" if isinstance(condition, Or) else text

    def _single(self, condition: Condition) -> str:
        """An item of an and, or what follows not."""
        text = self.condition(condition)
        return f"({text})" if isinstance(condition, And | Or) else text

    def _negated(self, item: Condition) -> str:
        """The short form where there is one, else `not` before the whole."""
        match item:
            case Comparison(operand, test):
                if short := self._test(test, True):
                    return f"{_subject(self, operand, test)} {short}"
            case Any(many, where):
                return self._quantified("no", many, where)
            case EventCount(times=Times.AT_LEAST, number=1):
                return self._event_count("no event", item)
            case EventEdge(when=when) if when is not None and self._test(when, True):
                return self._event_edge(item, True)
            case InSegment():
                return self._in_segment(item, True)
            case Not(Comparison(operand, IsSet())):
                return f"{self.operand(operand)} is not empty"
        return f"not {self._single(item)}"

    # ------------------------------------------------------------ forms

    def _quantified(self, word: str, many: Many | Field, where: Condition | None) -> str:
        brackets = "" if where is None else f" ({self.condition(where)})"
        return f"{word} {_many(many)}{brackets}"

    def _in_segment(self, node: InSegment, negated: bool) -> str:
        name = f"#{node.segment}" if self._by_id else quote(node.name)
        path = ".".join(hop.name for hop in node.hops)
        words = "not in segment" if negated else "in segment"
        return f"{path} {words} {name}".lstrip()

    def _event_where(self, where: Condition | None) -> str:
        if where is None:
            return ""
        bare = where.item if isinstance(where, Not) else where
        simple = isinstance(bare, Comparison | InSegment)
        text = self.condition(where)
        return f" where {text}" if simple else f" where ({text})"

    def _event_count(self, words: str, node: EventCount) -> str:
        text = f"{words} {quote(node.name)}{self._event_where(node.where)}"
        if (node.times, node.number) != (Times.AT_LEAST, 1):
            times = "time" if node.number == 1 else "times"
            text += f" {node.times} {node.number} {times}"
        if node.window is not None:
            text += f" {self._test(node.window, False)}"
        return text

    def _event_edge(self, node: EventEdge, negated: bool) -> str:
        text = f"{node.edge} event {quote(node.name)}{self._event_where(node.where)}"
        if node.having is not None:
            return f"{text} with ({self.condition(node.having)})"
        assert node.when is not None
        return f"{text} {self._test(node.when, negated)}"

    def operand(self, operand: Operand) -> str:
        match operand:
            case Field(hops, attribute):
                return ".".join((*(hop.name for hop in hops), attribute.name))
            case Link(hops):
                return ".".join(hop.name for hop in hops)
            case Item():
                return "item"
            case Aggregate(function, many, attribute, where):
                path = _many(many) + (f".{attribute.name}" if attribute else "")
                inner = "" if where is None else f" where {self.condition(where)}"
                return f"{function}({path}{inner})"
            case _:
                assert_never(operand)

    # ------------------------------------------------------------ tests

    def _test(self, test: Test, negated: bool) -> str:
        """Operator and values; negated, the short form, or "" where there is none."""
        no = "not " if negated else ""
        match test:
            case IsSet():
                return "is empty" if negated else "is set"
            case IsTrue():
                return f"is {no}true"
            case IsFalse():
                return f"is {no}false"
            case TextIn(values, ignoring_case):
                suffix = " ignoring case" if ignoring_case else ""
                if len(values) == 1:
                    return f"{'!=' if negated else '='} {quote(values[0])}{suffix}"
                return f"{no}in ({', '.join(map(quote, values))}){suffix}"
            case TextPart(part, text):
                return f"{no}{part} {quote(text)}"
            case Matches(pattern):
                return f"{no}matches {quote(pattern)}"
            case NumberVersus(order, number):
                return _versus(order, number_text(number), negated)
            case NumberBetween(low, high):
                return f"{no}between {number_text(low)} and {number_text(high)}"
            case NumberIn(values):
                return f"{no}in ({', '.join(map(number_text, values))})"
            case Has(mode, items):
                texts = ", ".join(map(quote, items))
                if mode is HasMode.ANY and len(items) == 1:
                    return f"{no}has {texts}"
                return f"{no}has {mode} ({texts})"
            case Rolling(direction, amount, unit):
                return f"{no}in {direction} {span_text(amount, unit)}"
            case Distance(more, amount, unit, direction):
                words = "more than" if more else "less than"
                end = "ago" if direction is Direction.LAST else "from now"
                return f"{no}{words} {span_text(amount, unit)} {end}"
            case Period(which, unit):
                return f"{no}in {which} {unit}"
            case Versus(Order.LT, point):
                return f"{no}before {point_text(point)}"
            case Versus(Order.GT, point):
                return f"{no}after {point_text(point)}"
            case Versus(Order.EQ, Day() as point):
                return f"{no}on {point_text(point)}"
            case Versus(order, point):
                return _versus(order, point_text(point), negated)
            case BetweenPoints(low, high):
                return f"{no}between {point_text(low)} and {point_text(high)}"
            case Anniversary(inner):
                return self._test(inner, negated)
            case _:
                assert_never(test)


def _versus(order: Order, value: str, negated: bool) -> str:
    if not negated:
        return f"{order} {value}"
    return f"!= {value}" if order is Order.EQ else ""


def _subject(printer: _Printer, operand: Operand, test: Test) -> str:
    prefix = "anniversary of " if isinstance(test, Anniversary) else ""
    return prefix + printer.operand(operand)


def _many(many: Many | Field) -> str:
    name = many.relation.name if isinstance(many, Many) else many.attribute.name
    return ".".join((*(hop.name for hop in many.hops), name))
