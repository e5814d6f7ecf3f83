"""Reading values: texts, numbers, points in time, lists, amounts with units."""

from segctl.conditions import hints
from segctl.conditions.cursor import Cursor
from segctl.conditions.limits import MAX_VALUES
from segctl.conditions.nodes import Unit
from segctl.conditions.syntax import Moment, Number, Path, Step, Text, Truth, Value, Word
from segctl.conditions.tokens import Kind

FUNCTIONS = ("count", "sum", "avg", "min", "max")
ANCHORS = ("today", "yesterday", "tomorrow", "now")
UNITS: dict[str, Unit] = {
    spelling: unit for unit in Unit for spelling in (unit.value, f"{unit.value}s")
}


class ValueReader(Cursor):
    def path(self) -> Path:
        names = [self._name()]
        while self.take("."):
            names.append(self._name())
        return Path(tuple(names))

    def _name(self) -> Word:
        if not self.sees_name():
            token = self.peek()
            reserved = token.kind is Kind.WORD
            raise self.unexpected(
                "a name",
                f'"{token.word}" is a word of the language and cannot be a name'
                if reserved
                else None,
            )
        return self.as_word(self.next())

    def value(self, what: str = "a value") -> Value:
        token = self.peek()
        match token.kind:
            case Kind.TEXT:
                return self.quoted()
            case Kind.NUMBER:
                self.next()
                return Number(token.text, token.start, token.end)
            case Kind.MOMENT:
                return self._moment()
            case Kind.WORD:
                if token.word in ANCHORS:
                    return self._moment()
                if token.word in ("true", "false"):
                    self.next()
                    return Truth(token.word == "true", token.start, token.end)
                if self.sees_name():
                    return self._path_as_value()
            case Kind.SYMBOL:
                following = self.peek(1)
                adjacent = following.start == token.end
                if token.word == "-" and following.kind is Kind.NUMBER and adjacent:
                    self.next()
                    self.next()
                    return Number(f"-{following.text}", token.start, following.end)
                if token.word == "(":
                    raise self.unexpected(
                        what, "a list follows in or has any; a single value stands bare"
                    )
                if token.word == "-" and following.kind is Kind.NUMBER:
                    raise self.unexpected(what, f"write -{hints.short(following.text)}")
                if token.word == "=":
                    raise self.unexpected(what, "one = is enough")
        raise self.unexpected(what)

    def quoted(self, what: str = "a quoted text") -> Text:
        token = self.peek()
        if token.kind is not Kind.TEXT:
            quote = f'write "{hints.short(token.text)}"' if token.kind is Kind.WORD else None
            raise self.unexpected(what, quote)
        self.next()
        return Text(token.text, token.start, token.end)

    def _path_as_value(self) -> Path:
        path = self.path()
        if self.sees("("):
            raise self.source.error(
                path.start,
                path.end,
                "the right side of a comparison is a value, never a calculation",
                "a calculation stands on the left side: count(deals) > 5"
                if path.text.lower() in FUNCTIONS
                else "for points in time write today - 30 days or now + 4 hours",
            )
        return path

    def _moment(self) -> Moment:
        base = self.next()
        steps = []
        while sign := self.take("+", "-"):
            amount = self.amount("a number of days, months, …")
            unit = self.unit()
            steps.append(Step(-1 if sign.word == "-" else 1, amount, unit, sign.start))
        return Moment(self.as_word(base), tuple(steps), base.start, self.end)

    def amount(self, what: str = "a whole number") -> Number:
        token = self.peek()
        if token.kind is not Kind.NUMBER:
            hint = {
                "-": "write the number without a sign",
                "a": "write 1",
                "an": "write 1",
                "one": "write 1",
                "few": "write a number",
            }.get(token.word)
            raise self.unexpected(what, hint)
        self.next()
        return Number(token.text, token.start, token.end)

    def unit(self) -> Word:
        token = self.peek()
        if token.word not in UNITS:
            word = token.kind is Kind.WORD
            hint = hints.unit_hint(token.text, UNITS) if word else "name the unit, like days"
            raise self.unexpected("a unit of time", hint)
        return self.as_word(self.next())

    def values(self) -> tuple[Value, ...]:
        """`(a, b)`, possibly with nothing in it."""
        opening = self.expect("(", "a list in brackets")
        if self.take(")"):
            return ()
        values = [self.value()]
        while self.take(","):
            if len(values) == MAX_VALUES:
                token = self.peek()
                raise self.source.error(
                    token.start,
                    token.end,
                    f"a list has at most {MAX_VALUES:,} values",
                    "import the values as a tag or an attribute and ask for that",
                    limit="values",
                )
            if self.sees(")"):
                raise self.error(
                    self.peek(-1), "this comma is followed by no value", "leave it out"
                )
            values.append(self.value())
        if self.peek().kind is Kind.END:
            raise self.error(opening, "the list that opens here is never closed", "end it with )")
        self.expect(")", '"," or ")"')
        return tuple(values)
