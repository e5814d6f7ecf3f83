"""How a condition finds segments by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from segctl.catalog import ObjectType


@dataclass(frozen=True, slots=True)
class Reference:
    """A segment's name where a condition mentions it.

    text[start:end] is the name with its quotes; `name` is how the segment is spelled now.
    """

    start: int
    end: int
    type: ObjectType
    name: str
    segment: int


class SegmentNames(Protocol):
    def find(self, type: ObjectType, name: str) -> tuple[int, str] | None:
        """Id and spelling of the segment of that type and name, ignoring case."""

    def names(self, type: ObjectType) -> Sequence[str]:
        """All names of a type, for suggestions."""


class AnySegments:
    """Every name is taken to be a segment, of id 0: for a check of everything else."""

    def find(self, type: ObjectType, name: str) -> tuple[int, str] | None:
        return 0, name

    def names(self, type: ObjectType) -> Sequence[str]:
        return ()
