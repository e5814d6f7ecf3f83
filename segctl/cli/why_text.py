"""The answer to why, for a person: a tree that fits the terminal."""

from collections.abc import Iterator
import datetime as dt
from enum import IntEnum
import shutil
import sys
from typing import TYPE_CHECKING, Any

from segctl.catalog import PLURALS
from segctl.cli.output import ago, number, visible
from segctl.cli.tree_text import BOLD, DIM, LONGEST, Line, Style, laid_out, wrap

if TYPE_CHECKING:
    from segctl.conditions.explanation import Example, Explanation
    from segctl.conditions.time import Interval
    from segctl.services.why import Answer, Run


def write(answer: "Answer") -> None:
    """The answer on stdout, as wide as the terminal."""
    width = shutil.get_terminal_size().columns
    style = Style()
    for line in _head(answer, width, style):
        sys.stdout.write(line.rstrip() + "\n")
    if answer.explanation is not None:
        sys.stdout.write("\n")
        lines = list(_Tree(answer).of(answer.explanation, "", ""))
        for line in laid_out(lines, width, style):
            sys.stdout.write(line.rstrip() + "\n")


# ---------------------------------------------------------------- the head


def _head(answer: "Answer", width: int, style: Style) -> Iterator[str]:
    segment, record = answer.segment, answer.record
    called = f"{record.type} {record}" + (f' "{record.name}"' if record.name else "")
    for piece in wrap(visible(f'{called} and the segment "{segment.name}"'), width):
        yield style(piece, BOLD)
    yield ""
    for title, sentences in (
        ("stored", _stored(answer)),
        ("live", _live(answer)),
        ("before", _moves(answer)),
    ):
        for place, sentence in enumerate(sentences):
            head = style((title if place == 0 else "").ljust(8), DIM)
            pieces = wrap(visible(sentence), width - 8)
            yield head + pieces[0]
            yield from (" " * 8 + piece for piece in pieces[1:])


def _stored(answer: "Answer") -> Iterator[str]:
    segment = answer.segment
    if answer.stored is None:
        yield "not known: the segment was never counted"
    elif answer.run is not None:
        first = ", or before: that was its first count" if answer.run.baseline else ""
        yield f"in it since {_run(answer.run, answer)}{first}"
    else:
        left = next((move for move in answer.moves if not move.entered), None)
        yield "not in it" + (f", since {_run(left.run, answer)}" if left else "")
    if segment.last_counted_at is not None and segment.count is not None:
        members = "1 member" if segment.count == 1 else f"{segment.count:,} members"
        age = f"counted {ago(segment.last_counted_at, answer.now)}, {members}"
        if segment.stale:
            age += "; its condition was changed since"
        yield age
    if segment.error is not None:
        yield f"its last recalculation failed: {segment.error}"


def _live(answer: "Answer") -> Iterator[str]:
    if answer.problem is not None:
        yield f"not known, the condition cannot be read: {answer.problem}"
        return
    at = f"at {moment(answer.now, answer.zone)} ({answer.zone.key})"
    if answer.live is None:
        names = ", ".join(f'"{each.name}"' for each in answer.uncounted)
        yield f"not known {at}: {names} was never counted"
        return
    yield ("belongs" if answer.live else "does not belong") + f" {at}"
    if answer.stored is not None and answer.stored is not answer.live:
        what = "let it in" if answer.live else "take it out"
        yield f"the next recalculation would {what}"


def _moves(answer: "Answer") -> Iterator[str]:
    for move in answer.moves:
        yield f"{'entered' if move.entered else 'left   '} {_run(move.run, answer)}"


def _run(run: "Run", answer: "Answer") -> str:
    if run.started_at is None:
        return f"run {run.id}, of which nothing more is kept"
    when = moment(run.started_at, answer.zone)
    return f"{when} ({ago(run.started_at, answer.now)}), run {run.id}: {run.trigger}, {run.mode}"


# ---------------------------------------------------------------- the tree


class _Tree:
    def __init__(self, answer: "Answer") -> None:
        self._answer = answer

    def of(self, part: "Explanation", branch: str, below: str) -> Iterator[Line]:
        """The lines of a part; `branch` is drawn before it, `below` before what is inside."""
        heads = {"and": "all of", "or": "any of", "not": "not"}
        inside: list[Explanation | Example] = list(part.children)
        if part.form in ("and", "or", "not"):
            yield Line(branch, below + "│", part.result, heads[part.form])
        else:
            if part.related is not None:
                inside = list(part.related.examples)
            drawn = "│" if inside else " "
            remarks = [*self._found(part), *self._bounds(part)]
            yield Line(branch, below + drawn, part.result, part.condition, remarks)
        for place, each in enumerate(inside, start=1):
            last = place == len(inside)
            fork, onward = ("└─ ", "   ") if last else ("├─ ", "│  ")
            yield from self._inside(each, below + fork, below + onward)

    def _inside(self, each: "Explanation | Example", branch: str, below: str) -> Iterator[Line]:
        from segctl.conditions.explanation import Explanation

        if isinstance(each, Explanation):
            yield from self.of(each, branch, below)
        else:
            yield from self._example(each, branch, below)

    def _example(self, example: "Example", branch: str, below: str) -> Iterator[Line]:
        if example.type is None:
            text = f"the item {_quoted(str(example.name))}"
        else:
            text = f"{example.type} {example.external_id or f'#{example.id}'}"
            if example.at is None and example.name:
                text += f" {_quoted(example.name)}"
        remarks = []
        if example.at is not None:
            remarks.append(moment(example.at, self._answer.zone))
        if example.value is not None:
            remarks.append(self._value(example.value))
        drawn = "│" if example.why is not None else " "
        yield Line(branch, below + drawn, None, text, remarks)
        if example.why is not None:
            yield from self.of(example.why, below + "└─ ", below + "   ")

    def _found(self, part: "Explanation") -> Iterator[str]:
        if part.membership is not None:
            yield from self._member(part)
        elif part.form == "related" and part.related is not None:
            yield self._counted(part)
        elif part.form == "events" and part.related is not None:
            yield f"{part.related.counting:,}"
            yield from self._of_events(part)
        elif part.form == "event" and part.related is not None:
            if part.found is None:
                yield "no such event"
                if part.related.total:
                    yield f"{part.related.total:,} of that name"
        elif part.tested:
            yield self._value(part.found)
            if part.related is not None and part.found != part.related.total:
                yield f"over {self._counted(part)}"
        if part.ends_at is not None:
            yield f"there is no {part.ends_at}"

    def _counted(self, part: "Explanation") -> str:
        """`2 of 5`; without a condition in the brackets just how many."""
        assert part.related is not None
        total, good = part.related.total, part.related.satisfying
        types = {example.type for example in part.related.examples}
        word = ""
        if len(types) == 1 and (type := types.pop()) is not None:
            word = f" {PLURALS[type] if total != 1 else type}"
        conditional = any(example.why is not None for example in part.related.examples)
        return f"{good:,} of {total:,}{word}" if conditional else f"{total:,}{word}"

    def _of_events(self, part: "Explanation") -> Iterator[str]:
        assert part.related is not None
        there = part.related
        if there.total != there.counting:
            steps = [f"{there.total:,} of that name"]
            if there.satisfying != there.total:
                steps.append(f"{there.satisfying:,} satisfy the condition")
            if part.bounds is not None:
                steps.append(f"{there.counting:,} in the window")
            yield ", ".join(steps)

    def _member(self, part: "Explanation") -> Iterator[str]:
        there = part.membership
        assert there is not None
        if there.record is None:
            return
        segment = self._answer.references[there.segment]
        run = self._answer.memberships.get((there.segment, there.record))
        who = "" if there.type is self._answer.segment.type else f"{there.type} "
        who += there.external_id or f"#{there.record}"
        if segment.count is None or segment.last_counted_at is None:
            yield "it was never counted"
            return
        if run is None:
            yield f"{who} is not in it"
        elif run.started_at is None:
            yield f"{who} is in it"
        else:
            yield f"{who} is in it since {moment(run.started_at, self._answer.zone)}, run {run.id}"
        age = f"counted {ago(segment.last_counted_at, self._answer.now)}"
        if segment.stale:
            age += ", before its condition was changed"
        if segment.error is not None:
            age += f"; since then it failed: {segment.error}"
        yield age

    def _bounds(self, part: "Explanation") -> Iterator[str]:
        if part.bounds is None:
            return
        if not part.bounds:
            yield "no day is asked for"
        for bound in part.bounds:
            yield bound_text(bound, self._answer.zone, part.found)

    def _value(self, value: object) -> str:
        return value_text(value, self._answer.zone)


# ---------------------------------------------------------------- words


def value_text(value: Any, zone: dt.tzinfo) -> str:
    """A value as it was found; a text in quotes, so that blanks are seen."""
    match value:
        case None:
            return "no value"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number(value)
        case dt.datetime():
            return moment(value, zone)
        case dt.date():
            return value.isoformat()
        case str():
            return _quoted(value)
        case _:
            return ", ".join(map(_quoted, value)) or "no item"


class Digits(IntEnum):
    """How exactly a time is shown."""

    MINUTE = 0
    SECOND = 1
    ALL = 2


def moment(value: dt.datetime, zone: dt.tzinfo, digits: Digits = Digits.SECOND) -> str:
    """Local; no second of zero, no fraction that is not asked for."""
    try:
        local = value.astimezone(zone)
    except (OverflowError, ValueError):
        local = value
    text = f"{local.date().isoformat()} {local:%H:%M}"
    fraction = local.microsecond if digits is Digits.ALL else 0
    if digits and (local.second or fraction):
        text += f":{local:%S}"
    if fraction:
        text += f".{fraction:06d}".rstrip("0")
    return text


_STEP = dt.timedelta(microseconds=1)


def bound_text(bound: "Interval", zone: dt.tzinfo, value: object = None) -> str:
    """`from … to …`, `before …`: both ends belong to it, but after `before` and `after`.

    The nearer the value, the more digits are shown.
    """
    if bound.empty:
        return "nothing can pass"
    low, high = bound.low, bound.high
    if low is None and high is None:
        return "any time"

    def written(end: dt.date) -> str:
        if not isinstance(end, dt.datetime):
            return end.isoformat()
        return moment(end, zone, _digits(end, value))

    if low is not None and low == high:
        return f"on {written(low)}"
    start = end = ""
    if low is not None:
        if isinstance(low, dt.datetime) and low.microsecond == 1:
            start = f"after {written(low - _STEP)}"
        else:
            start = f"from {written(low)}"
    if high is not None:
        if isinstance(high, dt.datetime) and high.microsecond == 999_999 and high.year < 9999:
            end = f"before {written(high + _STEP)}"
        else:
            end = f"{'to' if start else 'up to'} {written(high)}"
    return f"{start} {end}".strip()


def _digits(end: dt.datetime, value: object) -> Digits:
    if not isinstance(value, dt.datetime):
        return Digits.MINUTE
    away = abs(value - end)
    if away < dt.timedelta(seconds=2):
        return Digits.ALL
    return Digits.SECOND if away < dt.timedelta(minutes=2) else Digits.MINUTE


def _quoted(text: str) -> str:
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return f'"{shown}"'
