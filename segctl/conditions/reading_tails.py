"""Reading what follows an operand: operators and their values."""

from segctl.catalog import PLURALS, ObjectType
from segctl.conditions import hints
from segctl.conditions.reading_values import FUNCTIONS, UNITS, ValueReader
from segctl.conditions.syntax import (
    Bare,
    Between,
    Distance,
    Has,
    InList,
    InPeriod,
    InRolling,
    InSegment,
    Operand,
    Path,
    State,
    Tail,
    Versus,
    Word,
)
from segctl.conditions.tokens import Kind, Token

SYMBOLS = ("=", "!=", "<", "<=", ">", ">=")
_AFTER_BARE = ("and", "or", ")")
_AFTER_BARE_IN_WHERE = ("at", "exactly", "fewer", "with")


def _plural(name: str) -> str:
    """The relation that was meant by the name of a type."""
    return PLURALS[ObjectType(name)] if name in list(ObjectType) else hints.short(name)


class TailReader(ValueReader):
    _in_event_where = 0

    def tail(self, operand: Operand | None) -> tuple[bool, Tail]:
        """Whether it was written with `not`, and the operator with its values.

        Without an operand (after `first event`) nothing but an operator is accepted.
        """
        start = self.peek().start
        negated = self.take("not") is not None
        token = self.peek()
        if token.word in SYMBOLS and token.kind is Kind.SYMBOL:
            if negated:
                self._refuse_not_symbol(operand, start)
            self.next()
            return False, self._versus(token.word, start)
        match token.word:
            case "in":
                return negated, self._in(start)
            case "contains" | "matches" | "before" | "after" | "on":
                self.next()
                return negated, self._versus(token.word, start)
            case "starts" | "ends":
                self.next()
                self.expect("with")
                return negated, self._versus(f"{token.word} with", start)
            case "has":
                return negated, self._has(start)
            case "between":
                return negated, self.between(start)
            case "more" | "less":
                return negated, self._distance(start, operand)
            case "is" if not negated:
                return self._state(start, operand)
        if negated:
            raise self.unexpected(
                "an operator like in, contains or between",
                "write is not" if token.word == "is" else self._not_hint(token),
            )
        if operand is None:
            raise self.unexpected(
                "in last 30 days, before 2026-01-31, … or with (…)",
                'whether there was one at all is asked by event "…" or no event "…"',
            )
        self._check_bare(operand)
        return False, Bare(operand.start, operand.end)

    def _not_hint(self, token: Token) -> str | None:
        if token.kind is not Kind.WORD:
            return None
        hint = hints.operator_hint("", token, self.peek(1))
        return hint.replace("write ", "write not ", 1) if hint else None

    def _check_bare(self, operand: Operand) -> None:
        """Refuse what follows an operand and is no operator."""
        token = self.peek()
        allowed = _AFTER_BARE + (_AFTER_BARE_IN_WHERE if self._in_event_where else ())
        if token.kind is Kind.END or token.word in allowed:
            return
        if token.word == "(" and isinstance(operand, Path):
            self._refuse_call(operand)
        if token.kind in (Kind.WORD, Kind.TEXT, Kind.NUMBER, Kind.MOMENT):
            text = self.source.slice(operand.start, operand.end)
            hint = hints.operator_hint(text, token, self.peek(1))
            raise self.unexpected("an operator", hint)
        if token.word == "-" or token.word == "+":
            raise self.unexpected("an operator", "there is no arithmetic but for points in time")
        raise self.unexpected("an operator")

    def _refuse_call(self, path: Path) -> None:
        name = path.text
        special = {
            "average": "write avg(…)",
            "mean": "write avg(…)",
            "total": "write sum(…)",
            "len": "write count(…)",
            "length": "write count(…) for lists; the length of a text cannot be asked for",
            "exists": "write any … (…)",
            "lower": 'write … ignoring case: name = "x" ignoring case',
            "upper": 'write … ignoring case: name = "x" ignoring case',
            "isnull": "write … is empty",
            "date": "dates are written bare: 2026-01-31",
        }.get(name.lower())
        raise self.source.error(
            path.start,
            path.end,
            f'"{hints.short(name)}" is not a function: there are count, sum, avg, min and max',
            special
            or hints.nearest(name, FUNCTIONS)
            or f"for related records write any {_plural(name)} (…)",
        )

    def _refuse_not_symbol(self, operand: Operand | None, start: int) -> None:
        token = self.peek()
        if operand is None:
            raise self.unexpected("an operator like in, before or on")
        text = self.source.slice(operand.start, operand.end)
        hint = f"write {text} != …" if token.word == "=" else f"write not {text} {token.word} …"
        raise self.source.error(start, token.end, f"not cannot stand before {token.word}", hint)

    # ------------------------------------------------------------ one operator each

    def _versus(self, operator: str, start: int) -> Versus:
        value = self.value(f"a value after {operator}")
        ignoring = self._ignoring_case()
        return Versus(operator, value, ignoring, start, self.end)

    def _ignoring_case(self) -> Word | None:
        if not self.sees("ignoring"):
            return None
        first = self.next()
        last = self.expect("case")
        return Word("ignoring case", first.start, last.end)

    def _has(self, start: int) -> Has:
        self.next()
        mode = self.take("any", "all", "only")
        if mode is None:
            if self.sees("("):
                raise self.unexpected(
                    "a text, any, all or only", "write has any (…), has all (…) or has only (…)"
                )
            return Has(None, (self.value("a text, any, all or only"),), start, self.end)
        if self.sees("of"):
            raise self.unexpected("a list in brackets", f"leave out of: has {mode.word} (…)")
        return Has(mode.word, self.values(), start, self.end)

    def between(self, start: int) -> Between:
        self.expect("between")
        low = self.value("a value after between")
        if self.sees(",", "to", "-"):
            raise self.unexpected('"and"', "write between … and …")
        self.expect("and", '"and" and the upper bound of between')
        return Between(low, self.value("the upper bound of between"), start, self.end)

    def _distance(self, start: int, operand: Operand | None) -> Distance:
        more = self.next().word == "more"
        words = "more than" if more else "less than"
        self.expect("than")
        amount = self.amount(f"a whole number after {words}")
        if self.peek().word not in UNITS:
            name = self.source.slice(operand.start, operand.end) if operand else "the count"
            hint = f"for a number write {name} {'>' if more else '<'} {hints.short(amount.raw)}"
            if self.sees("times", "time"):
                hint = (
                    "a condition after where that is a bare name or no comparison stands in"
                    " brackets: where (…)"
                )
            if self.peek().kind is not Kind.WORD or self.sees("times", "time", "and", "or"):
                raise self.unexpected("a unit of time", hint)
        unit = self.unit()
        if self.take("ago"):
            return Distance(more, amount, unit, True, start, self.end)
        if self.take("from"):
            self.expect("now")
            return Distance(more, amount, unit, False, start, self.end)
        span = f"{words} {hints.short(amount.raw)} {unit.text.lower()}"
        raise self.unexpected('"ago" or "from now"', f"write {span} ago or {span} from now")

    def _state(self, start: int, operand: Operand | None) -> tuple[bool, State]:
        self.next()
        negated = self.take("not") is not None
        if token := self.take("set", "empty", "true", "false"):
            return negated, State(token.word, start, self.end)
        text = self.source.slice(operand.start, operand.end) if operand else "…"
        raise self.unexpected(
            "set, empty, true or false", hints.is_hint(text, self.peek(), negated)
        )

    # ------------------------------------------------------------ in

    def _in(self, start: int) -> InList | InRolling | InPeriod | InSegment:
        following = self.peek(1)
        if following.word == "(":
            self.next()
            values = self.values()
            return InList(values, self._ignoring_case(), start, self.end)
        if following.word == "segment":
            return self.in_segment(start)
        return self.in_time(start)

    def in_segment(self, start: int) -> InSegment:
        self.expect("in")
        self.expect("segment")
        if self.sees("("):
            raise self.unexpected(
                "a quoted segment name", 'write in segment "A" or in segment "B" for several'
            )
        return InSegment(self.quoted("a quoted segment name"), start, self.end)

    def in_time(self, start: int) -> InRolling | InPeriod:
        """`in last 30 days`, `in this month`."""
        self.expect("in")
        which = self.take("last", "next", "this")
        if which is None:
            raise self.unexpected("a list, last, next, this or segment", hints.in_hint(self.peek()))
        if self.peek().kind is Kind.NUMBER and which.word != "this":
            amount = self.amount()
            return InRolling(which.word, amount, self.unit(), start, self.end)
        if which.word == "this" or self.peek().word in UNITS:
            return InPeriod(which.word, self._period(), start, self.end)
        if self.sees("-", "few", "a", "an", "one"):
            self.amount()
        raise self.unexpected("a number or a unit of time", hints.in_hint(self.peek()))

    def _period(self) -> Word:
        if self.sees("fiscal"):
            raise self.unexpected("a unit of time", hints.in_hint(self.peek()))
        return self.unit()
