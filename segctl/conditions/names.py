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


class NoSegments:
    """The names of a workspace that has no segments yet."""

    def find(self, type: ObjectType, name: str) -> tuple[int, str] | None:
        return None

    def names(self, type: ObjectType) -> Sequence[str]:
        return ()
