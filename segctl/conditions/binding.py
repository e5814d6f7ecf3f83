"""Syntax and catalog → the typed tree of nodes.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.conditions import hints, literals, syntax
from segctl.conditions.binding_operators import attribute_for, operator_words
from segctl.conditions.binding_paths import KIND_WORDS, Scope, Subject
from segctl.conditions.binding_segments import SegmentBinder
from segctl.conditions.binding_values import Bound
from segctl.conditions.limits import MAX_NESTED
from segctl.conditions.nodes import (
    Aggregate,
    And,
    Any,
    Comparison,
    Condition,
    Edge,
    EventCount,
    EventEdge,
    Everything,
    Field,
    Function,
    IsSet,
    Item,
    Link,
    Many,
    Not,
    Operand,
    Or,
    Times,
)
from segctl.errors import ConditionError


class Binder(SegmentBinder):
    """Walks the syntax with the scope."""

    _nested = 0

    def bind(self, node: syntax.Syntax, scope: Scope) -> Condition:
        match node:
            case syntax.Everything():
                return Everything()
            case syntax.And():
                return And(tuple(self._flat(node, scope)))
            case syntax.Or():
                return Or(tuple(self._flat(node, scope)))
            case syntax.Not():
                return Not(self.bind(node.item, scope))
            case syntax.Comparison():
                return self._comparison(node, scope)
            case syntax.Membership():
                return self.in_segment((), scope, node.segment)
            case syntax.Quantified():
                return self._quantified(node, scope)
            case syntax.EventCount():
                return self._event_count(node, scope)
            case syntax.EventEdge():
                return self._event_edge(node, scope)
            case _:
                assert_never(node)

    def _flat(self, node: syntax.And | syntax.Or, scope: Scope) -> Iterator[Condition]:
        """The items, those in needless brackets included."""
        for item in node.items:
            bound = self.bind(item, scope)
            same = And if isinstance(node, syntax.And) else Or
            yield from bound.items if isinstance(bound, same) else (bound,)

    @contextmanager
    def _deeper(self, start: int, end: int) -> Iterator[None]:
        if self._nested == MAX_NESTED:
            raise self.source.error(
                start,
                end,
                f"at most {MAX_NESTED} brackets of related records stand inside each other",
                "put the inner part into a segment of its own and refer to it with in segment",
                limit="nested",
            )
        self._nested += 1
        try:
            yield
        finally:
            self._nested -= 1

    def _inner(self, node: syntax.Syntax | None, scope: Scope, at: syntax.Word) -> Condition | None:
        """The condition in the brackets of related records or events."""
        if node is None:
            return None
        with self._deeper(at.start, at.end):
            return self.bind(node, scope)

    # ------------------------------------------------------------ comparisons

    def _comparison(self, node: syntax.Comparison, scope: Scope) -> Condition:
        tail = node.tail
        operand = self._operand(node, scope)
        if isinstance(tail, syntax.InSegment):
            if not isinstance(operand, Link):
                raise self._segment_of_error(node, operand)
            condition: Condition = self.in_segment(operand.hops, scope, tail)
        else:
            subject = self._subject(node, operand, scope)
            test, negates = self._test(subject, tail, node.anniversary)
            condition = Comparison(operand, test)
            if negates:
                condition = Not(condition)
        return Not(condition) if node.negated else condition

    def _operand(self, node: syntax.Comparison, scope: Scope) -> Operand:
        if isinstance(node.operand, syntax.Call):
            return self._call(node.operand, scope)
        found = self.resolve(node.operand, scope, node.end)
        if isinstance(found, Many):
            raise self._many_error(node)
        return found

    def _subject(self, node: syntax.Comparison, operand: Operand, scope: Scope) -> Subject:
        start, end = node.operand.start, node.operand.end
        kind, choices = _kind(operand), _choices(operand)
        return Subject(operand, kind, choices, scope, self.source.slice(start, end), start, end)

    def _test(self, subject: Subject, tail: syntax.Tail, anniversary: bool) -> Bound:
        kind = subject.kind
        if anniversary:
            if kind not in (ValueType.DATE, ValueType.DATETIME):
                raise self.source.error(
                    subject.start,
                    subject.end,
                    f"an anniversary is that of a date, and {subject.text} is"
                    f" {KIND_WORDS[kind] if kind else 'a relation'}",
                )
            return self.anniversary_test(subject, tail)
        if isinstance(tail, syntax.State) and tail.word in ("set", "empty"):
            return IsSet(), tail.word == "empty"
        match kind:
            case None:
                raise self._link_error(subject, tail)
            case ValueType.STRING | ValueType.CHOICE:
                return self.text_test(subject, tail)
            case ValueType.INTEGER | ValueType.FLOAT:
                return self.number_test(subject, tail)
            case ValueType.BOOLEAN:
                return self.boolean_test(subject, tail)
            case ValueType.DATE | ValueType.DATETIME:
                return self.time_test(subject, tail)
            case ValueType.MULTICHOICE | ValueType.TAGS:
                return self.list_test(subject, tail)
            case _:
                assert_never(kind)

    # ------------------------------------------------------------ related records

    def _call(self, node: syntax.Call, scope: Scope) -> Aggregate:
        function = Function(node.function.text.lower())
        many, attribute = self.resolve_call(node.path, scope)
        path, text = node.path, hints.short(node.path.text)
        if isinstance(many, Link):
            raise self.source.error(
                path.start,
                path.end,
                f"{function} goes over many records, and {text} leads to one",
                f"write {text} is set" if function is Function.COUNT else f"write {text}.…",
            )
        if isinstance(many, Field) and not many.attribute.kind.many:
            name = many.attribute.name
            raise self.source.error(
                path.start,
                path.end,
                f"{function} goes over many records, and {text} is one value of this one",
                f"write {text} is set" if function is Function.COUNT else f"compare {name} itself",
            )
        if function is Function.COUNT:
            if attribute is not None:
                records = hints.short(path.text.rpartition(".")[0])
                raise self.source.error(
                    path.start,
                    path.end,
                    "count counts records, not their attributes",
                    f"write count({records} where {attribute.name} is set)",
                )
        else:
            self._check_summable(function, many, attribute, path)
        inner = many.attribute if isinstance(many, Field) else many.target
        return Aggregate(function, many, attribute, self._inner(node.where, inner, node.function))

    def _check_summable(
        self, function: Function, many: Many | Field, attribute: Attribute | None, path: syntax.Path
    ) -> None:
        text = hints.short(path.text)
        if attribute is None:
            numbers = []
            if isinstance(many, Many):
                known = self.catalog.attributes[many.target].values()
                numbers = [a.name for a in known if a.kind in (ValueType.INTEGER, ValueType.FLOAT)]
            raise self.source.error(
                path.start,
                path.end,
                f"{function} needs an attribute of the records",
                f"write {function}({text}.{numbers[0]})" if numbers else f"count({text}) counts",
            )
        takes = {ValueType.INTEGER, ValueType.FLOAT}
        words = "numbers"
        if function in (Function.MIN, Function.MAX):
            takes |= {ValueType.DATE, ValueType.DATETIME}
            words = "numbers and dates"
        if attribute.kind not in takes:
            raise self.source.error(
                path.names[-1].start,
                path.end,
                f"{function} takes {words}, and {attribute.name} is {KIND_WORDS[attribute.kind]}",
                f"{attribute.type} has {self._names(attribute.type, takes)}",
            )

    def _names(self, type: ObjectType, kinds: set[ValueType]) -> str:
        found = [a.name for a in self.catalog.attributes[type].values() if a.kind in kinds]
        return ", ".join(found[:8]) or "none"

    def _quantified(self, node: syntax.Quantified, scope: Scope) -> Condition:
        path, text = node.path, hints.short(node.path.text)
        word = "no" if node.negated else "any"
        if isinstance(scope, Attribute):
            raise self.scope_error(path.start, path.end, scope)
        many = self.resolve(path, scope, node.end, word)
        if isinstance(many, Link):
            inner = "…"
            if node.where is not None:
                inner = self.source.slice(node.where.start, node.where.end)
            state = "is empty" if node.negated else "is set"
            raise self.source.error(
                path.start,
                path.end,
                f"{word} asks about many records, and {text} leads to one",
                f"write {text} {state}"
                if node.where is None
                else f"write {'not ' if node.negated else ''}{text}.{inner}",
            )
        if isinstance(many, Field) and not many.attribute.kind.many:
            raise self.source.error(
                path.start,
                path.end,
                f"{word} asks about many records, and {text} is {KIND_WORDS[many.attribute.kind]}",
                f"write {text} {'is empty' if node.negated else 'is set'}",
            )
        assert isinstance(many, Many | Field)
        inner_scope = many.attribute if isinstance(many, Field) else many.target
        condition = Any(many, self._inner(node.where, inner_scope, path.names[-1]))
        return Not(condition) if node.negated else condition

    # ------------------------------------------------------------ events

    def _event_count(self, node: syntax.EventCount, scope: Scope) -> Condition:
        name = self._event_name(node, scope)
        where = self._inner(node.where, ObjectType.EVENT, node.word)
        times, number = Times.AT_LEAST, 1
        if node.counted is not None:
            times = Times(node.counted.times)
            number = literals.amount(self.source, node.counted.number, of_times=True)
        window = None
        if node.window is not None:
            window, _ = self.time_test(self._occurred(node.window.start), node.window)
        condition = EventCount(name, where, times, number, window)
        return Not(condition) if node.negated else condition

    def _event_edge(self, node: syntax.EventEdge, scope: Scope) -> Condition:
        name = self._event_name(node, scope)
        where = self._inner(node.where, ObjectType.EVENT, node.word)
        having = self._inner(node.having, ObjectType.EVENT, node.word)
        when, negates = None, False
        if node.when is not None:
            when, negates = self.time_test(self._occurred(node.when.start), node.when)
        condition: Condition = EventEdge(Edge(node.edge), name, where, when, having)
        if negates:
            condition = Not(condition)
        return Not(condition) if node.negated else condition

    def _event_name(self, node: syntax.EventCount | syntax.EventEdge, scope: Scope) -> str:
        name, _ = literals.decode_text(self.source, node.name)
        if isinstance(scope, Attribute):
            raise self.scope_error(node.word.start, node.name.end, scope)
        if scope is not ObjectType.CONTACT:
            written = node.name.raw if len(node.name.raw) <= 40 else '"…"'
            hint = {
                ObjectType.COMPANY: f"write any contacts (event {written})",
                ObjectType.PRODUCT: f"write any events (name = {written})",
                ObjectType.EVENT: f"write name = {written}",
            }.get(scope, f"write any contact.events (name = {written})")
            raise self.source.error(
                node.word.start,
                node.name.end,
                f"events belong to contacts, and this is about a {scope}",
                hint,
            )
        if not name:
            raise self.source.error(
                node.name.start, node.name.end, "an event's name is not empty", "write any events"
            )
        return name

    def _occurred(self, start: int) -> Subject:
        """What the time of an event form is asked of."""
        attribute = self.catalog.attributes[ObjectType.EVENT]["occurred_at"]
        field = Field((), attribute)
        return Subject(field, attribute.kind, (), ObjectType.EVENT, attribute.name, start, start)

    # ------------------------------------------------------------ refusing

    def _segment_of_error(self, node: syntax.Comparison, operand: Operand) -> ConditionError:
        kind = _kind(operand)
        what = KIND_WORDS[kind] if kind else "no relation"
        return self.source.error(
            node.operand.start,
            node.operand.end,
            f"records are in segments, and {self._written(node.operand)} is {what}",
            "write in segment alone for the record itself",
        )

    def _link_error(self, subject: Subject, tail: syntax.Tail) -> ConditionError:
        """A to-one relation with an operator of a value."""
        name = subject.text
        if isinstance(tail, syntax.Bare):
            return self.source.error(
                subject.start,
                subject.end,
                f"{name} is a relation, not true or false",
                f"write {name} is set",
            )
        operator = self.source.slice(tail.start, tail.end)
        return self.source.error(
            tail.start,
            tail.end,
            f"{operator_words(tail)} does not go with {name}, which is a relation",
            f"name an attribute of it: {name}.{attribute_for(tail)} {operator}",
        )

    def _many_error(self, node: syntax.Comparison) -> ConditionError:
        """A to-many relation with an operator."""
        name, tail = self._written(node.operand), node.tail
        operator = self.source.slice(tail.start, tail.end)
        match tail:
            case syntax.Bare():
                hint = f"write any {name}"
            case syntax.State(word="empty"):
                hint = f"write {'any' if node.negated else 'no'} {name}"
            case syntax.State():
                hint = f"write {'no' if node.negated else 'any'} {name}"
            case syntax.Versus(value=syntax.Number()):
                hint = f"write count({name}) {operator}"
            case syntax.InSegment():
                hint = f"write any {name} ({operator})"
            case _:
                hint = f"write any {name} (… {operator})"
        return self.source.error(
            node.operand.start,
            node.operand.end,
            f"{name} leads to many records, not to one value",
            hint,
        )

    def _written(self, operand: syntax.Operand) -> str:
        return self.source.slice(operand.start, operand.end)


def _kind(operand: Operand) -> ValueType | None:
    match operand:
        case Field():
            return operand.attribute.kind
        case Item():
            return ValueType.STRING
        case Link():
            return None
        case Aggregate(function=Function.COUNT):
            return ValueType.INTEGER
        case Aggregate(function=Function.AVG):
            return ValueType.FLOAT
        case Aggregate():
            return operand.attribute.kind if operand.attribute else ValueType.INTEGER
        case _:
            assert_never(operand)


def _choices(operand: Operand) -> tuple[str, ...]:
    return operand.attribute.choices if isinstance(operand, Field) else ()
