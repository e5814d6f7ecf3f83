"""Operators and raw values → tests of texts, numbers, booleans and lists.

Every function gives the test and whether the operator itself negates it (`!=`, `is empty`).
"""

from segctl.catalog import ValueType
from segctl.conditions import hints, literals, syntax
from segctl.conditions.binding_operators import OPERATORS, operator_hint, operator_words
from segctl.conditions.binding_paths import KIND_WORDS, PathBinder, Subject
from segctl.conditions.fold import fold
from segctl.conditions.nodes import (
    Has,
    HasMode,
    IsFalse,
    IsTrue,
    Matches,
    NumberBetween,
    NumberIn,
    NumberVersus,
    Order,
    Part,
    Test,
    TextIn,
    TextPart,
)
from segctl.conditions.nodes import Number as NumberValue
from segctl.errors import ConditionError

Bound = tuple[Test, bool]

_NULLS = ("null", "none", "nil", "undefined", "empty")
_EMPTY_LIST = "a list needs at least one value"


class ValueBinder(PathBinder):
    # ------------------------------------------------------------ texts and choices

    def text_test(self, subject: Subject, tail: syntax.Tail) -> Bound:
        match tail:
            case syntax.Versus(operator="=" | "!=" as operator):
                value = self._text(subject, tail.value, tail)
                ignoring = tail.ignoring is not None
                self._check_choice(subject, value, tail.value, ignoring)
                return TextIn((value,), ignoring), operator == "!="
            case syntax.InList():
                self._check_not_empty(subject, tail, tail.values)
                ignoring = tail.ignoring is not None
                values = []
                for raw in tail.values:
                    value = self._text(subject, raw, tail)
                    self._check_choice(subject, value, raw, ignoring)
                    values.append(value)
                return TextIn(tuple(dict.fromkeys(values)), ignoring), False
            case syntax.Versus(operator="contains" | "starts with" | "ends with" as operator):
                return TextPart(Part(operator), self._text(subject, tail.value, tail)), False
            case syntax.Versus(operator="matches"):
                return Matches(self._pattern(subject, tail)), False
            case _:
                raise self.operator_error(subject, tail)

    def _text(self, subject: Subject, raw: syntax.Value, tail: syntax.Tail) -> str:
        if isinstance(raw, syntax.Text):
            value, _ = literals.decode_text(self.source, raw)
            if not value:
                raise self._empty_error(subject, raw, tail)
            return value
        if isinstance(raw, syntax.Path):
            raise self.name_error(subject, raw, tail)
        written = self.source.slice(raw.start, raw.end)
        what = subject.text
        raise self.source.error(
            raw.start,
            raw.end,
            f"{what} is {self._kind_words(subject)}, and {written} is not",
            f'write "{written}"',
        )

    def _check_choice(
        self, subject: Subject, value: str, raw: syntax.Value, ignoring: bool
    ) -> None:
        choices = subject.choices
        if not choices or value in choices:
            return
        if ignoring and fold(value) in map(fold, choices):
            return
        near = hints.nearest(value, choices)
        listed = ", ".join(literals.shown(choice) for choice in choices[:12])
        more = ", …" if len(choices) > 12 else ""
        raise self.source.error(
            raw.start,
            raw.end,
            f"{subject.text} has no choice {literals.shown(value)}",
            near or f"the choices are {listed}{more}",
            choices=list(choices),
        )

    def _pattern(self, subject: Subject, tail: syntax.Versus) -> str:
        value = self._text(subject, tail.value, tail)
        if tail.ignoring is not None:
            raise self.source.error(
                tail.ignoring.start,
                tail.ignoring.end,
                "a pattern has no flags",
                "write both cases as a class, like [Aa]",
            )
        # Few conditions have one, and its own reader costs a third of this import.
        from segctl.conditions import pattern

        try:
            pattern.check(value)
        except pattern.PatternError as error:
            assert isinstance(tail.value, syntax.Text)
            _, places = literals.decode_text(self.source, tail.value)
            start, end = places[error.start], places[min(error.end, len(value))]
            raise self.source.error(
                start, max(end, start + 1), f"in this pattern, {error.message}", error.hint
            ) from error
        return value

    # ------------------------------------------------------------ numbers

    def number_test(self, subject: Subject, tail: syntax.Tail) -> Bound:
        match tail:
            case syntax.Versus(operator="=" | "!=" as operator):
                number = self._number(subject, tail.value, tail)
                self._check_no_ignoring(tail.ignoring)
                return NumberVersus(Order.EQ, number), operator == "!="
            case syntax.Versus(operator="<" | "<=" | ">" | ">=" as operator):
                number = self._number(subject, tail.value, tail)
                self._check_no_ignoring(tail.ignoring)
                return NumberVersus(Order(operator), number), False
            case syntax.Between():
                low = self._number(subject, tail.low, tail)
                high = self._number(subject, tail.high, tail)
                if low > high:
                    raise self.reversed_error(tail)
                return NumberBetween(low, high), False
            case syntax.InList():
                self._check_not_empty(subject, tail, tail.values)
                self._check_no_ignoring(tail.ignoring)
                numbers = [self._number(subject, raw, tail) for raw in tail.values]
                return NumberIn(tuple(dict.fromkeys(numbers))), False
            case _:
                raise self.operator_error(subject, tail)

    def _number(self, subject: Subject, raw: syntax.Value, tail: syntax.Tail) -> NumberValue:
        if isinstance(raw, syntax.Number):
            return literals.number(self.source, raw)
        if isinstance(raw, syntax.Path):
            raise self.name_error(subject, raw, tail)
        hint = None
        if isinstance(raw, syntax.Text):
            value, _ = literals.decode_text(self.source, raw)
            if not value:
                raise self._empty_error(subject, raw, tail)
            if literals.looks_like_number(value):
                hint = f"write {value}, without quotes"
        elif isinstance(raw, syntax.Truth):
            hint = f"write {subject.text} = {1 if raw.value else 0}, or is set"
        raise self.source.error(
            raw.start,
            raw.end,
            f"{subject.text} is {self._kind_words(subject)}, and"
            f" {self.source.slice(raw.start, raw.end)} is not",
            hint,
        )

    def reversed_error(self, tail: syntax.Between) -> ConditionError:
        low = self.source.slice(tail.low.start, tail.low.end)
        high = self.source.slice(tail.high.start, tail.high.end)
        return self.source.error(
            tail.low.start,
            tail.high.end,
            "the bounds of this between are reversed, so that nothing is between them",
            f"write between {high} and {low}",
        )

    # ------------------------------------------------------------ booleans

    def boolean_test(self, subject: Subject, tail: syntax.Tail) -> Bound:
        match tail:
            case syntax.Bare():
                return IsTrue(), False
            case syntax.State(word="true"):
                return IsTrue(), False
            case syntax.State(word="false"):
                return IsFalse(), False
            case syntax.Versus(operator="=" | "!=" as operator):
                self._check_no_ignoring(tail.ignoring)
                if not isinstance(tail.value, syntax.Truth):
                    raise self._not_truth_error(subject, tail.value, tail)
                return IsTrue() if tail.value.value else IsFalse(), operator == "!="
            case _:
                raise self.operator_error(subject, tail)

    def _not_truth_error(
        self, subject: Subject, raw: syntax.Value, tail: syntax.Tail
    ) -> ConditionError:
        written = self.source.slice(raw.start, raw.end)
        meant = {
            **dict.fromkeys(("1", "yes", "y", "on", "true", "t"), "true"),
            **dict.fromkeys(("0", "no", "n", "off", "false", "f"), "false"),
        }.get(written.strip("\"'").lower())
        if isinstance(raw, syntax.Path) and meant is None:
            return self.name_error(subject, raw, tail)
        return self.source.error(
            raw.start,
            raw.end,
            f"{subject.text} is true or false, and {written} is neither",
            f"write {subject.text} is {meant or 'true'}",
        )

    # ------------------------------------------------------------ lists

    def list_test(self, subject: Subject, tail: syntax.Tail) -> Bound:
        if not isinstance(tail, syntax.Has):
            raise self.operator_error(subject, tail)
        self._check_not_empty(subject, tail, tail.values)
        items = []
        for raw in tail.values:
            value = self._text(subject, raw, tail)
            self._check_choice(subject, value, raw, False)
            items.append(value)
        return Has(HasMode(tail.mode or "any"), tuple(dict.fromkeys(items))), False

    # ------------------------------------------------------------ refusing

    def _kind_words(self, subject: Subject) -> str:
        if subject.kind is None:
            return "a relation"
        if subject.kind.many:
            return f"{KIND_WORDS[subject.kind]}, whose items are texts"
        return KIND_WORDS[subject.kind]

    def _check_not_empty(
        self, subject: Subject, tail: syntax.Tail, values: tuple[syntax.Value, ...]
    ) -> None:
        if not values:
            raise self.source.error(
                tail.start, tail.end, _EMPTY_LIST, f"write {subject.text} is empty"
            )

    def _check_no_ignoring(self, ignoring: syntax.Word | None) -> None:
        if ignoring is not None:
            raise self.source.error(
                ignoring.start, ignoring.end, "only texts have a case to ignore", "leave it out"
            )

    def _empty_error(self, subject: Subject, raw: syntax.Text, tail: syntax.Tail) -> ConditionError:
        state = "is empty"
        if isinstance(tail, syntax.Versus) and tail.operator != "=":
            state = "is set"
        hint = f"write {subject.text} {state}"
        if isinstance(tail, syntax.InList) and len(tail.values) > 1:
            hint = f"leave it out and write or {subject.text} is empty"
        return self.source.error(raw.start, raw.end, "an empty text is no value", hint)

    def name_error(self, subject: Subject, path: syntax.Path, tail: syntax.Tail) -> ConditionError:
        """A name stands where a value belongs."""
        name = hints.short(path.text)
        if path.text.lower() in _NULLS:
            negative = isinstance(tail, syntax.Versus) and tail.operator == "!="
            return self.source.error(
                path.start,
                path.end,
                "no comparison is true of a missing value",
                f"write {subject.text} {'is set' if negative else 'is empty'}",
            )
        if path.text not in subject.choices and self.knows(path, subject.scope):
            quoted = f'for the text itself write "{name}"; ' if _textual(subject.kind) else ""
            return self.source.error(
                path.start,
                path.end,
                "an attribute is compared with a value, never with another attribute",
                f"{quoted}a difference that matters can be imported as an attribute of its own",
            )
        match subject.kind:
            case kind if _textual(kind):
                hint = f'texts stand in quotes: "{name}"'
            case ValueType.DATE | ValueType.DATETIME:
                near = hints.nearest(path.text, ("today", "yesterday", "tomorrow", "now"))
                hint = near or "write today, now, 2026-01-31 or 2026-01-31T10:00"
            case ValueType.BOOLEAN:
                hint = f"write {subject.text} is true or {subject.text} is false"
            case _:
                hint = "write a number, like 12 or -3.5"
        return self.source.error(path.start, path.end, f'"{name}" is not a value', hint)

    def operator_error(self, subject: Subject, tail: syntax.Tail) -> ConditionError:
        """The operator does not go with the type of its operand."""
        assert subject.kind is not None
        kind, name = subject.kind, subject.text
        if isinstance(tail, syntax.Bare):
            return self.source.error(
                subject.start,
                subject.end,
                f"{name} is {KIND_WORDS[kind]}, not true or false: an operator must follow",
                f"write {name} is set to ask whether there is a value",
            )
        operator = operator_words(tail)
        if kind is ValueType.CHOICE and operator in ("<", "<=", ">", ">=", "between"):
            message = "choices have no order"
        else:
            message = f"{operator} does not go with {name}, which is {KIND_WORDS[kind]}"
        return self.source.error(
            tail.start,
            tail.end,
            message,
            operator_hint(self.source, subject, tail, operator)
            or f"{name} takes {OPERATORS[kind]}",
            attribute=name,
            kind=kind.value,
        )


def _textual(kind: ValueType | None) -> bool:
    """Whether the values or items of that type are texts."""
    return kind in (ValueType.STRING, ValueType.CHOICE, ValueType.TAGS, ValueType.MULTICHOICE)
