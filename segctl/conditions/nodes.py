"""The tree of a condition: frozen values that compare by what they mean.

One tree has three readings: printer.py (text), sql.py (a statement), truth.py (one record). Names
are resolved: the tree holds Attributes and Relations, so only parser.py needs a catalog.

Equal meanings that the language calls "the same" are one tree: `x != y` is Not(x = y), `is empty`
is Not(IsSet), `no deals (C)` is Not(Any(deals, C)), `no event` is Not(at least once), `before D` is
`< D` and `on D` is `= D`. And/Or are n-ary, never hold a node of their own kind, and have at least
two items.
"""

from dataclasses import dataclass
import datetime as dt
from enum import StrEnum

from segctl.catalog import Attribute, ObjectType, Relation

Number = int | float
"""A numeric literal: int where it was written without a fraction, else a finite float."""


class Unit(StrEnum):
    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def exact(self) -> bool:
        """Whether it is a fixed number of seconds rather than a calendar unit."""
        return self in (Unit.SECOND, Unit.MINUTE, Unit.HOUR)


# ---------------------------------------------------------------- points in time


@dataclass(frozen=True, slots=True)
class Shift:
    """`+ 2 months` or `- 30 days`; `amount` carries the sign."""

    amount: int
    unit: Unit


class Anchor(StrEnum):
    TODAY = "today"
    YESTERDAY = "yesterday"
    TOMORROW = "tomorrow"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Day:
    """A whole calendar day in the workspace zone: today/yesterday/tomorrow or a date, shifted."""

    base: Anchor | dt.date
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time: `now` or a literal (naive = wall clock of the workspace zone), shifted."""

    base: Anchor | dt.datetime
    shifts: tuple[Shift, ...] = ()


Point = Day | Instant


# ---------------------------------------------------------------- tests of a date or datetime


class Direction(StrEnum):
    LAST = "last"
    NEXT = "next"


class Which(StrEnum):
    THIS = "this"
    LAST = "last"
    NEXT = "next"


class Order(StrEnum):
    """The order comparisons; EQ is `=` of a number and `on`/`=` of a time."""

    LT = "<"
    LE = "<="
    EQ = "="
    GE = ">="
    GT = ">"


@dataclass(frozen=True, slots=True)
class Rolling:
    """`in last 30 days`, `in next 7 days`."""

    direction: Direction
    amount: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Distance:
    """`more than 30 days ago` (more, LAST), `less than 45 days from now` (not more, NEXT)."""

    more: bool
    amount: int
    unit: Unit
    direction: Direction


@dataclass(frozen=True, slots=True)
class Period:
    """`in this month`, `in last quarter`; the unit is week, month, quarter or year."""

    which: Which
    unit: Unit


@dataclass(frozen=True, slots=True)
class Versus:
    """`>= 2026-01-31`, `before now`, `on today - 3 days`."""

    order: Order
    point: Point


@dataclass(frozen=True, slots=True)
class BetweenPoints:
    low: Point
    high: Point


@dataclass(frozen=True, slots=True)
class Anniversary:
    """`anniversary of F …`: month and day in any year.

    The test is Versus(EQ, Day), Rolling or Period.
    """

    test: "Versus | Rolling | Period"


TimeTest = Rolling | Distance | Period | Versus | BetweenPoints | Anniversary


# ---------------------------------------------------------------- tests of other values


@dataclass(frozen=True, slots=True)
class IsSet:
    """The value is there; for a multi-valued attribute, it has an item."""


@dataclass(frozen=True, slots=True)
class IsTrue:
    pass


@dataclass(frozen=True, slots=True)
class IsFalse:
    pass


@dataclass(frozen=True, slots=True)
class TextIn:
    """`= "x"`, `in ("x", "y")`: any of the values, by code point or folded.

    The values are as written, in their order, without repeats.
    """

    values: tuple[str, ...]
    ignoring_case: bool = False


class Part(StrEnum):
    CONTAINS = "contains"
    STARTS = "starts with"
    ENDS = "ends with"


@dataclass(frozen=True, slots=True)
class TextPart:
    """`contains`, `starts with`, `ends with`: always folded."""

    part: Part
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """A pattern as written; pattern.py parses and prints it for each engine."""

    pattern: str


@dataclass(frozen=True, slots=True)
class NumberVersus:
    order: Order
    number: Number


@dataclass(frozen=True, slots=True)
class NumberBetween:
    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class NumberIn:
    """`in (1, 2.5)`, at least one."""

    values: tuple[Number, ...]


class HasMode(StrEnum):
    ANY = "any"
    ALL = "all"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Has:
    """`has any|all|only (…)`; `has "x"` is ANY of one. Exact by code point."""

    mode: HasMode
    items: tuple[str, ...]


Test = (
    IsSet
    | IsTrue
    | IsFalse
    | TextIn
    | TextPart
    | Matches
    | NumberVersus
    | NumberBetween
    | NumberIn
    | Has
    | TimeTest
)


# ---------------------------------------------------------------- operands


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute of the record in scope, or of the one that to-one `hops` lead to."""

    hops: tuple[Relation, ...]
    attribute: Attribute


@dataclass(frozen=True, slots=True)
class Link:
    """A to-one relation itself (`company is set`); the last hop is the relation asked for."""

    hops: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """`item` inside the brackets of a multi-valued attribute, a string."""


@dataclass(frozen=True, slots=True)
class Many:
    """What a to-many path yields: related records.

    `hops` are to-one, `relation` is to-many.
    """

    hops: tuple[Relation, ...]
    relation: Relation

    @property
    def target(self) -> ObjectType:
        return self.relation.target


class Function(StrEnum):
    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`count(deals where C)`, `sum(deals.value)`, `count(tags)`.

    `many` is a Many, or the Field of a multi-valued attribute (count only). `attribute` is None
    for count.
    """

    function: Function
    many: "Many | Field"
    attribute: Attribute | None
    where: "Condition | None"


Operand = Field | Link | Item | Aggregate


# ---------------------------------------------------------------- conditions


@dataclass(frozen=True, slots=True)
class Everything:
    pass


@dataclass(frozen=True, slots=True)
class And:
    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    item: "Condition"


@dataclass(frozen=True, slots=True)
class Comparison:
    operand: Operand
    test: Test


@dataclass(frozen=True, slots=True)
class Any:
    """`any deals (C)`, `any company.deals`, `any tags (item starts with "x")`."""

    many: Many | Field
    where: "Condition | None"


class Times(StrEnum):
    AT_LEAST = "at least"
    AT_MOST = "at most"
    MORE_THAN = "more than"
    FEWER_THAN = "fewer than"
    EXACTLY = "exactly"


@dataclass(frozen=True, slots=True)
class EventCount:
    """`event "NAME" where C at least N times in last 90 days`."""

    name: str
    where: "Condition | None"
    times: Times
    number: int
    window: TimeTest | None


class Edge(StrEnum):
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class EventEdge:
    """`first|last event "NAME" where C DATE-FORM` (`when`) or `… with (C2)` (`having`).

    One of the two is None.
    """

    edge: Edge
    name: str
    where: "Condition | None"
    when: TimeTest | None
    having: "Condition | None"


@dataclass(frozen=True, slots=True)
class InSegment:
    """`in segment "NAME"` of the record in scope or of the one that to-one hops lead to.

    `name` is spelled as the segment is called now; `segment` is its id.
    """

    hops: tuple[Relation, ...]
    type: ObjectType
    name: str
    segment: int


Condition = Everything | And | Or | Not | Comparison | Any | EventCount | EventEdge | InSegment
