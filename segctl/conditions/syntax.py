"""What the reader makes of a text before anything knows the catalog.

The shapes of grammar.lark, each with its place in the text. They are looser than the tree of
nodes.py: values are still raw, any operator may follow any operand. binding.py gives them meaning.
"""

from dataclasses import dataclass

# ---------------------------------------------------------------- words and values


@dataclass(frozen=True, slots=True)
class Word:
    """A name or keyword as written."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Path:
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


@dataclass(frozen=True, slots=True)
class Text:
    """`raw` has its quotes and escapes."""

    raw: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    """`raw` has its sign."""

    raw: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Step:
    """`- 30 days`."""

    sign: int
    amount: Number
    unit: Word
    start: int


@dataclass(frozen=True, slots=True)
class Moment:
    """`today`, `now`, `2026-01-31` or `2026-01-31T10:00`, and its steps."""

    base: Word
    steps: tuple[Step, ...]
    start: int
    end: int


Value = Text | Number | Truth | Moment | Path
"""A Path is never a legal value; it is read so that the refusal can say why."""


# ---------------------------------------------------------------- what follows an operand


@dataclass(frozen=True, slots=True)
class Bare:
    """Nothing: a boolean by itself."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class State:
    """`is set`, `is empty`, `is true`, `is false`."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Versus:
    """`= 5`, `contains "x"`, `before today`: an operator and one value.

    `operator` is lower case with single spaces. `ignoring` is the place of `ignoring case`.
    """

    operator: str
    value: Value
    ignoring: Word | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class InList:
    values: tuple[Value, ...]
    ignoring: Word | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Has:
    """`has "x"` (mode None), `has any ("x", "y")`."""

    mode: str | None
    values: tuple[Value, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Between:
    low: Value
    high: Value
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class InRolling:
    """`in last 30 days`; the direction is last or next."""

    direction: str
    amount: Number
    unit: Word
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class InPeriod:
    """`in this month`; which is this, last or next."""

    which: str
    unit: Word
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Distance:
    """`more than 30 days ago`, `less than 45 days from now`."""

    more: bool
    amount: Number
    unit: Word
    past: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class InSegment:
    name: Text
    start: int
    end: int


Tail = Bare | State | Versus | InList | Has | Between | InRolling | InPeriod | Distance | InSegment


# ---------------------------------------------------------------- operands


@dataclass(frozen=True, slots=True)
class Call:
    """`count(deals where …)`."""

    function: Word
    path: Path
    where: "Syntax | None"
    start: int
    end: int


Operand = Path | Call


# ---------------------------------------------------------------- conditions


@dataclass(frozen=True, slots=True)
class Everything:
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class And:
    items: tuple["Syntax", ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple["Syntax", ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    item: "Syntax"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operand tail`; `negated` when the tail was written with `not`."""

    operand: Operand
    anniversary: bool
    negated: bool
    tail: Tail
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Membership:
    """`in segment "NAME"` of the record itself."""

    segment: InSegment
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quantified:
    """`any deals (C)`; `no` is a negated `any`."""

    negated: bool
    path: Path
    where: "Syntax | None"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Count:
    """`at least 2 times`."""

    times: str
    number: Number
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EventCount:
    """`event "NAME" …`; `word` is the place of the word `event`."""

    negated: bool
    word: Word
    name: Text
    where: "Syntax | None"
    count: Count | None
    window: Tail | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class EventEdge:
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
