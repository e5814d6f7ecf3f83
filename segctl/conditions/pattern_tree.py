"""The tree of a `matches` pattern."""

from dataclasses import dataclass
from enum import Enum, auto

from segctl.errors import UsageError


class PatternError(UsageError):
    """A pattern that the language does not have; pattern[start:end] is the place."""

    code = "pattern"

    def __init__(
        self, message: str, start: int, end: int, hint: str | None = None, pattern: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.pattern = pattern
        self.start = start
        self.end = end


Ranges = tuple[tuple[int, int], ...]
"""Code points, both ends included; sorted, apart from each other, at least one."""


class Place(Enum):
    START = auto()
    """Of the whole text."""
    END = auto()
    """Of the whole text, a line feed at its end included."""
    WORD_BOUNDARY = auto()
    """Between an ASCII word character and anything else."""


@dataclass(frozen=True, slots=True)
class Character:
    character: str


@dataclass(frozen=True, slots=True)
class AnyCharacter:
    """Line breaks included."""


@dataclass(frozen=True, slots=True)
class CharacterClass:
    ranges: Ranges
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Assertion:
    place: Place


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; of none, the empty text."""

    items: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    items: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`high` is None for any number."""

    item: "Pattern"
    low: int
    high: int | None


Pattern = Character | AnyCharacter | CharacterClass | Assertion | Sequence | Alternatives | Repeat

LAST_CODE_POINT = 0x10FFFF


def union(ranges: list[tuple[int, int]]) -> Ranges:
    """Sorted and merged where they touch."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> list[tuple[int, int]]:
    gaps = []
    after = 0
    for low, high in ranges:
        if low > after:
            gaps.append((after, low - 1))
        after = high + 1
    if after <= LAST_CODE_POINT:
        gaps.append((after, LAST_CODE_POINT))
    return gaps
