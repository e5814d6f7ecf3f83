"""Expressions over segments: `A & B - C`, text → tree.

    expression = term { "&" term } { "-" term } | term { "|" term }
    term       = "(" expression ")" | name
    name       = quoted text | characters that are no blank, quote, bracket or operator

What comes after a `-` is taken from all before it. No other operators are mixed without brackets,
because people do not agree on which comes first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import assert_never

from segctl.errors import SetError

LONGEST = 10_000
"""Characters of an expression."""
MAX_LEVELS = 50
MAX_NAMES = 100

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<mark>[&|()\-])
    | (?P<word>[^\s"'&|()\-]+)
    | (?P<open>["'])""",
    re.VERBOSE | re.DOTALL,
)
SPECIAL = re.compile(r"""["'&|()\-]""")
"""What makes a text an expression where it is no segment's name."""


class Operator(StrEnum):
    AND = "&"
    OR = "|"
    MINUS = "-"


@dataclass(frozen=True, slots=True)
class Name:
    """A segment by name or id, and where it stands in the text."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Operation:
    """The members of both, of either, or of the first and not the second."""

    operator: Operator
    first: "Expression"
    second: "Expression"


Expression = Name | Operation


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def parse(text: str) -> Expression:
    """The expression; SetError with the place otherwise."""
    if len(text) > LONGEST:
        raise SetError(f"an expression over segments has at most {LONGEST:,} characters")
    return _Parser(text).whole()


def names(expression: Expression) -> Iterator[Name]:
    """Every name in it, from left to right."""
    match expression:
        case Name():
            yield expression
        case Operation(_, first, second):
            yield from names(first)
            yield from names(second)
        case _:
            assert_never(expression)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._read())
        self._place = 0
        self._level = 0
        self._names = 0

    def _read(self) -> Iterator[_Token]:
        place = 0
        while place < len(self._text):
            found = _TOKEN.match(self._text, place)
            assert found is not None
            kind = str(found.lastgroup)
            if kind == "open":
                raise self._error(place, len(self._text), "this quote is not closed")
            if kind != "blank":
                yield _Token(kind, found[0], found.start(), found.end())
            place = found.end()
        yield _Token("end", "", len(self._text), len(self._text))

    def whole(self) -> Expression:
        found = self._expression()
        token = self._next()
        if token.text == ")":
            raise self._error(token.start, token.end, "this bracket closes nothing")
        if token.kind != "end":
            raise self._missing_operator(token)
        return found

    def _expression(self) -> Expression:
        found = self._term()
        before: Operator | None = None
        while (token := self._next()).kind == "mark" and token.text in tuple(Operator):
            operator = Operator(token.text)
            if before is not None and operator is not before and (before, operator) != _ALLOWED:
                raise self._mixed(token, before, operator)
            self._place += 1
            found = Operation(operator, found, self._term())
            before = operator
        return found

    def _term(self) -> Expression:
        token = self._next()
        self._place += 1
        if token.kind in ("quoted", "word"):
            return self._name(token)
        if token.text != "(":
            where = "at the end" if token.kind == "end" else f'before "{token.text}"'
            raise self._error(token.start, token.end, f"the name of a segment is missing {where}")
        if self._level == MAX_LEVELS:
            raise self._error(
                token.start, token.end, f"brackets stand at most {MAX_LEVELS} deep in each other"
            )
        self._level += 1
        found = self._expression()
        closing = self._next()
        if closing.kind in ("quoted", "word") or closing.text == "(":
            raise self._missing_operator(closing)
        if closing.text != ")":
            raise self._error(token.start, token.end, "this bracket is not closed")
        self._place += 1
        self._level -= 1
        return found

    def _name(self, token: _Token) -> Name:
        self._names += 1
        if self._names > MAX_NAMES:
            raise self._error(
                token.start, token.end, f"an expression names at most {MAX_NAMES} segments"
            )
        if token.kind == "word":
            return Name(token.text, token.start, token.end)
        name = re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if not name.strip():
            raise self._error(token.start, token.end, "this name is empty")
        return Name(name, token.start, token.end)

    def _next(self) -> _Token:
        return self._tokens[self._place]

    # ------------------------------------------------------------ errors

    def _missing_operator(self, token: _Token) -> SetError:
        """Most likely a name with a blank in it, that nobody quoted."""
        before = self._tokens[self._place - 1]
        hint = "&, | or - stands between two segments"
        if before.kind == token.kind == "word":
            words = [before.text]
            end = self._place
            while self._tokens[end].kind == "word":
                words.append(self._tokens[end].text)
                end += 1
            hint = f'a name with blanks is quoted: "{" ".join(words)}"'
        return self._error(
            token.start, token.end, f'there is no operator before "{token.text}"', hint
        )

    def _mixed(self, token: _Token, before: Operator, operator: Operator) -> SetError:
        return self._error(
            token.start,
            token.end,
            f"brackets have to say which comes first, {before} or {operator}",
            f"write (A {before} B) {operator} C, or A {before} (B {operator} C)",
        )

    def _error(self, start: int, end: int, message: str, hint: str | None = None) -> SetError:
        return SetError(message, text=self._text, start=start, end=end, hint=hint)


_ALLOWED = (Operator.AND, Operator.MINUS)
