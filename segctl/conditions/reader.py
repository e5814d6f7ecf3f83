"""Text → syntax: a recursive descent over the tokens, one method per rule of grammar.lark.

It knows no catalog. It refuses at the leftmost place where the text leaves the grammar.
"""

from segctl.conditions import hints
from segctl.conditions.reading_tails import TailReader
from segctl.conditions.reading_values import FUNCTIONS
from segctl.conditions.source import Source
from segctl.conditions.syntax import (
    And,
    Between,
    Call,
    Comparison,
    Count,
    Distance,
    EventCount,
    EventEdge,
    Everything,
    InPeriod,
    InRolling,
    Membership,
    Not,
    Operand,
    Or,
    Quantified,
    Syntax,
    Tail,
    Versus,
)
from segctl.conditions.tokens import Kind, Token

_MORE = "and, or, or the end"
_EDGE_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "before", "after", "on")


def read(source: Source) -> Syntax:
    """The whole text as one condition; ConditionError otherwise."""
    return Reader(source).whole()


class Reader(TailReader):
    def whole(self) -> Syntax:
        if self.peek().kind is Kind.END:
            raise self.error(
                self.peek(),
                "the condition is empty",
                'the condition of all records is "everything"',
            )
        condition = self._condition()
        token = self.peek()
        if token.kind is not Kind.END:
            self._refuse_rest(token)
        return condition

    def _refuse_rest(self, token: Token) -> None:
        if token.word == ")":
            raise self.error(
                token, "this bracket closes nothing", "leave it out, or open one before"
            )
        if token.word in ("ignoring", "case"):
            raise self.unexpected(_MORE, "ignoring case follows =, != and in (…) with texts")
        previous = self.peek(-1)
        if previous.word == ")" and token.kind is Kind.SYMBOL:
            raise self.unexpected(_MORE, "brackets hold whole conditions")
        raise self.unexpected(_MORE, hints.rest_hint(previous, token, self.peek(1)))

    # ------------------------------------------------------------ and, or, not, brackets

    def _condition(self) -> Syntax:
        items = [self._conjunction()]
        while self.take("or"):
            items.append(self._conjunction())
        return items[0] if len(items) == 1 else Or(tuple(items), items[0].start, items[-1].end)

    def _conjunction(self) -> Syntax:
        items = [self._negation()]
        while self.take("and"):
            items.append(self._negation())
        return items[0] if len(items) == 1 else And(tuple(items), items[0].start, items[-1].end)

    def _negation(self) -> Syntax:
        if token := self.take("not"):
            with self.level(token):
                item = self._negation()
            return Not(item, token.start, item.end)
        return self._primary()

    def _brackets(self) -> Syntax:
        opening = self.expect("(", "a condition in brackets")
        with self.level(opening):
            if self.sees(")"):
                raise self.error(
                    self.peek(), "these brackets are empty", 'write a condition, or "everything"'
                )
            condition = self._condition()
        self._close(opening)
        return condition

    def _close(self, opening: Token) -> None:
        if self.peek().kind is Kind.END:
            raise self.error(opening, "this bracket is never closed", "end it with )")
        if not self.take(")"):
            self._refuse_rest(self.peek())

    def _primary(self) -> Syntax:
        token = self.peek()
        if token.word == "(" and token.kind is Kind.SYMBOL:
            return self._brackets()
        if self._sees_event():
            return self._event_count()
        if token.word in ("first", "last") and self.peek(1).word == "event":
            return self._event_edge()
        return self._simple_primary()

    def _simple_primary(self) -> Syntax:
        """Whatever has no brackets around it and is no event form."""
        token = self.peek()
        self.count_comparison(token)
        match token.word:
            case "everything":
                self.next()
                return Everything(token.start, token.end)
            case "any" | "no":
                return self._quantified()
            case "in":
                if self.peek(1).word != "segment":
                    self.next()
                    quoted = self.peek().kind is Kind.TEXT
                    raise self.unexpected(
                        "segment",
                        f"write in segment {hints.short(self.peek().text)}"
                        if quoted
                        else "write an attribute before in, unless it is in segment",
                    )
                segment = self.in_segment(token.start)
                return Membership(segment, segment.start, segment.end)
        if self.sees_name():
            return self._comparison()
        if token.word in ("and", "or"):
            before = self.peek(-1).word if self._at else ""
            hint = f"one {token.word} is enough"
            if before not in ("and", "or"):
                hint = f"a condition stands on both sides of {token.word}"
            raise self.unexpected("a condition", hint)
        raise self.unexpected("a condition", hints.start_hint(token))

    # ------------------------------------------------------------ comparisons

    def _comparison(self) -> Comparison:
        start = self.peek().start
        anniversary = self.sees("anniversary") and self.peek(1).word == "of"
        if anniversary:
            self.next()
            self.next()
        operand = self._operand()
        negated, tail = self.tail(operand)
        return Comparison(operand, anniversary, negated, tail, start, self.end)

    def _operand(self) -> Operand:
        if self.sees(*FUNCTIONS) and self.peek(1).word == "(":
            return self._call()
        return self.path()

    def _call(self) -> Call:
        function = self.as_word(self.next())
        opening = self.next()
        name = function.text.lower()
        if self._sees_event():
            raise self.unexpected(
                "related records", 'events are counted by event "…" at least 2 times'
            )
        if self.peek().text in ("*", ")"):
            what = "deals" if name == "count" else "deals.value"
            raise self.error(
                self.peek(), f"{name} goes over related records", f"write {name}({what})"
            )
        path = self.path()
        where = None
        with self.level(opening):
            if self.take("where"):
                where = self._condition()
        if self.peek().kind is Kind.END:
            raise self.error(opening, "this bracket is never closed", "end it with )")
        if where is None and not self.sees(")"):
            hint = "one relation stands in the brackets" if self.sees(",") else None
            if self.sees("=", "!=", "<", "<=", ">", ">="):
                hint = (
                    f"close the bracket first: {name}({hints.short(path.text)}) {self.peek().word}"
                )
            raise self.unexpected('where or ")"', hint)
        self._close(opening)
        return Call(function, path, where, function.start, self.end)

    def _quantified(self) -> Quantified:
        start = self.next()
        if self.sees("of"):
            raise self.unexpected("related records", f"leave out of: {start.word} deals (…)")
        if self._sees_event():
            raise self.unexpected("related records", 'write event "…" or no event "…"')
        path = self.path()
        followed = self._in_event_where and self.sees("with")
        if self.sees("where", "with", "whose", "that") and not followed:
            raise self.unexpected(
                "a condition in brackets", f"write {start.word} {hints.short(path.text)} (…)"
            )
        where = self._brackets() if self.sees("(") else None
        return Quantified(start.word == "no", path, where, start.start, self.end)

    # ------------------------------------------------------------ events

    def _sees_event(self) -> bool:
        ahead = 1 if self.sees("no") else 0
        event, name = self.peek(ahead), self.peek(ahead + 1)
        return event.word == "event" and name.kind is Kind.TEXT

    def _event_where(self) -> Syntax | None:
        if not self.take("where"):
            return None
        self._in_event_where += 1
        try:
            return self._where_item()
        finally:
            self._in_event_where -= 1

    def _where_item(self) -> Syntax:
        token = self.peek()
        if token.word == "not":
            self.next()
            with self.level(token):
                item = self._where_item()
            return Not(item, token.start, item.end)
        if token.word == "(":
            return self._brackets()
        edge = token.word in ("first", "last") and self.peek(1).word == "event"
        if edge or self._sees_event():
            raise self.unexpected(
                "a comparison or a condition in brackets",
                "an event has no events of its own",
            )
        return self._simple_primary()

    def _event_count(self) -> EventCount:
        first = self.peek()
        self.count_comparison(first)
        negated = self.take("no") is not None
        word = self.as_word(self.next())
        name = self.quoted("an event's name in quotes")
        where = self._event_where()
        count: Count | None = None
        window: Tail | None = None
        while True:
            token = self.peek()
            if token.word in ("at", "more", "fewer", "exactly", "less"):
                if count is not None:
                    raise self.error(
                        token,
                        "this event is counted twice",
                        "write two event conditions and join them with and",
                    )
                if negated:
                    raise self.error(
                        token,
                        "no event means zero times and takes no count",
                        'write event "…" fewer than 2 times',
                    )
                count = self._count()
            elif token.word in ("in", "between", "before", "after", "on"):
                if window is not None:
                    raise self.error(
                        token,
                        "this event has two time windows",
                        "write one with between … and …",
                    )
                window = self._window()
            else:
                break
        self._check_event_end()
        return EventCount(negated, word, name, where, count, window, first.start, self.end)

    def _check_event_end(self) -> None:
        token = self.peek()
        if token.word in ("=", "!=", "<", "<=", ">", ">="):
            number = hints.short(self.peek(1).text) if self.peek(1).kind is Kind.NUMBER else "2"
            times = {"=": "exactly", ">=": "at least", "<=": "at most", ">": "more than"}
            words = times.get(token.word, "fewer than")
            raise self.unexpected("a count or a time window", f"write {words} {number} times")
        if token.word == "not":
            raise self.unexpected("a count or a time window", 'write no event "…" in last 30 days')
        if token.word == "with":
            raise self.unexpected(
                "a count or a time window",
                'write event "…" where …; with (…) follows first event or last event',
            )
        if token.kind is Kind.NUMBER:
            raise self.unexpected(
                "a count or a time window", f"write exactly {hints.short(token.text)} times"
            )
        if token.word in ("then", "followed"):
            raise self.unexpected("a count or a time window", hints.operator_hint("", token, token))

    def _count(self) -> Count:
        first = self.next()
        match first.word:
            case "at":
                second = self.take("least", "most")
                if second is None:
                    raise self.unexpected('"least" or "most"')
                times = f"at {second.word}"
            case "exactly":
                times = "exactly"
            case "less":
                raise self.error(first, "times are counted, not measured", "write fewer than")
            case _:
                self.expect("than")
                times = f"{first.word} than"
        number = self.amount("a number of times")
        if not self.take("times", "time"):
            hint = f"write {times} {hints.short(number.raw)} times"
            if self.peek().kind is Kind.WORD and times == "more than":
                hint = "a time window is written before today - 30 days, or in last 30 days"
            raise self.unexpected('"times"', hint)
        return Count(times, number, first.start, self.end)

    def _window(self) -> InRolling | InPeriod | Between | Versus:
        token = self.peek()
        match token.word:
            case "in":
                return self.in_time(token.start)
            case "between":
                return self.between(token.start)
            case _:
                self.next()
                value = self.value(f"a date after {token.word}")
                return Versus(token.word, value, None, token.start, self.end)

    def _event_edge(self) -> EventEdge:
        edge = self.next()
        self.count_comparison(edge)
        word = self.as_word(self.next())
        name = self.quoted("an event's name in quotes")
        where = self._event_where()
        if self.take("with"):
            having = self._brackets()
            return EventEdge(
                edge.word, word, name, where, False, None, having, edge.start, self.end
            )
        if self.sees("is") or (self.sees("not") and self.peek(1).word == "with"):
            raise self.unexpected(
                "a point in time or with (…)",
                "write not before first or last"
                if self.sees("not")
                else 'whether there was one at all is asked by event "…" or no event "…"',
            )
        place = self.peek()
        negated, when = self.tail(None)
        match when:
            case InRolling() | InPeriod() | Between() | Distance():
                pass
            case Versus() if when.operator in _EDGE_OPERATORS and when.ignoring is None:
                pass
            case _:
                raise self.source.error(
                    place.start,
                    self.end,
                    f"the {edge.word} event is a point in time, which this cannot ask about",
                    f'for its attributes write {edge.word} event "…" with (…)',
                )
        return EventEdge(edge.word, word, name, where, negated, when, None, edge.start, self.end)
