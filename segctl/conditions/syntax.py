"""What the reader makes of a text before anything knows the catalog.

The shapes of grammar.lark, each with its place in the text. They are looser than the tree of
nodes.py: values are still raw, any operator may follow any operand. binding.py gives them meaning.
Named tuples, because making a frozen dataclass takes six times as long and every command that reads
a condition waits for it.
"""

from typing import NamedTuple

# ---------------------------------------------------------------- words and values


class Word(NamedTuple):
    """A name or keyword as written."""

    text: str
    start: int
    end: int


class Path(NamedTuple):
    """`company.industry`: at least one name."""

    names: tuple[Word, ...]

    @property
    def start(self) -> int:
        return self.names[0].start

    @property
    def end(self) -> int:
        return self.names[-1].end

    @property
    def text(self) -> str:
        return ".".join(name.text for name in self.names)


class Text(NamedTuple):
    """`raw` has its quotes and escapes."""

    raw: str
    start: int
    end: int


class Number(NamedTuple):
    """`raw` has its sign."""

    raw: str
    start: int
    end: int


class Truth(NamedTuple):
    value: bool
    start: int
    end: int


class Step(NamedTuple):
    """`- 30 days`."""

    sign: int
    amount: Number
    unit: Word
    start: int


class Moment(NamedTuple):
    """`today`, `now`, `2026-01-31` or `2026-01-31T10:00`, and its steps."""

    base: Word
    steps: tuple[Step, ...]
    start: int
    end: int


Value = Text | Number | Truth | Moment | Path
"""A Path is never a legal value; it is read so that the refusal can say why."""


# ---------------------------------------------------------------- what follows an operand


class Bare(NamedTuple):
    """Nothing: a boolean by itself."""

    start: int
    end: int


class State(NamedTuple):
    """`is set`, `is empty`, `is true`, `is false`."""

    word: str
    start: int
    end: int


class Versus(NamedTuple):
    """`= 5`, `contains "x"`, `before today`: an operator and one value.

    `operator` is lower case with single spaces. `ignoring` is the place of `ignoring case`.
    """

    operator: str
    value: Value
    ignoring: Word | None
    start: int
    end: int


class InList(NamedTuple):
    values: tuple[Value, ...]
    ignoring: Word | None
    start: int
    end: int


class Has(NamedTuple):
    """`has "x"` (mode None), `has any ("x", "y")`."""

    mode: str | None
    values: tuple[Value, ...]
    start: int
    end: int


class Between(NamedTuple):
    low: Value
    high: Value
    start: int
    end: int


class InRolling(NamedTuple):
    """`in last 30 days`; the direction is last or next."""

    direction: str
    amount: Number
    unit: Word
    start: int
    end: int


class InPeriod(NamedTuple):
    """`in this month`; which is this, last or next."""

    which: str
    unit: Word
    start: int
    end: int


class Distance(NamedTuple):
    """`more than 30 days ago`, `less than 45 days from now`."""

    more: bool
    amount: Number
    unit: Word
    past: bool
    start: int
    end: int


class InSegment(NamedTuple):
    name: Text
    start: int
    end: int


Tail = Bare | State | Versus | InList | Has | Between | InRolling | InPeriod | Distance | InSegment


# ---------------------------------------------------------------- operands


class Call(NamedTuple):
    """`count(deals where …)`."""

    function: Word
    path: Path
    where: "Syntax | None"
    start: int
    end: int


Operand = Path | Call


# ---------------------------------------------------------------- conditions


class Everything(NamedTuple):
    start: int
    end: int


class And(NamedTuple):
    items: tuple["Syntax", ...]
    start: int
    end: int


class Or(NamedTuple):
    items: tuple["Syntax", ...]
    start: int
    end: int


class Not(NamedTuple):
    item: "Syntax"
    start: int
    end: int


class Comparison(NamedTuple):
    """`operand tail`; `negated` when the tail was written with `not`."""

    operand: Operand
    anniversary: bool
    negated: bool
    tail: Tail
    start: int
    end: int


class Membership(NamedTuple):
    """`in segment "NAME"` of the record itself."""

    segment: InSegment
    start: int
    end: int


class Quantified(NamedTuple):
    """`any deals (C)`; `no` is a negated `any`."""

    negated: bool
    path: Path
    where: "Syntax | None"
    start: int
    end: int


class Count(NamedTuple):
    """`at least 2 times`."""

    times: str
    number: Number
    start: int
    end: int


class EventCount(NamedTuple):
    """`event "NAME" …`; `word` is the place of the word `event`."""

    negated: bool
    word: Word
    name: Text
    where: "Syntax | None"
    counted: Count | None
    window: Tail | None
    start: int
    end: int


class EventEdge(NamedTuple):
    """`first event "NAME" …`: `when` with its `negated`, or `having`."""

    edge: str
    word: Word
    name: Text
    where: "Syntax | None"
    negated: bool
    when: Tail | None
    having: "Syntax | None"
    start: int
    end: int


Syntax = Everything | And | Or | Not | Comparison | Membership | Quantified | EventCount | EventEdge
