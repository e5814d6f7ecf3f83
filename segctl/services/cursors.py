"""A place in the feed of changes, and the text that a consumer keeps of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import re
from typing import Self

from segctl.errors import UsageError

_TEXT = re.compile(
    r"c1\.(?P<store>[0-9a-f]{8})\.(?P<segment>\d{1,18})\.(?P<high>\d{1,18})"
    r"\.(?P<gaps>(?:\d{1,18}(?:-\d{1,18})?(?:_\d{1,18}(?:-\d{1,18})?)*)?)"
    r"\.(?P<run>\d{1,18})\.(?P<after>\d{1,18})"
)
_MOST_GAPS = 30_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """What has been delivered: all runs up to `high` without `gaps`, and the beginning of `run`.

    `gaps` are runs that were not committed when later ones were read. Of `run` everything up to the
    row `after` was delivered; 0 if none is half done. `segment` is 0 for a feed of all segments.
    """

    store: str
    segment: int
    high: int
    gaps: frozenset[int] = frozenset()
    run: int = 0
    after: int = 0

    def __str__(self) -> str:
        gaps = "_".join(f"{a}-{b}" if a < b else f"{a}" for a, b in _ranges(self.gaps))
        return f"c1.{self.store}.{self.segment}.{self.high}.{gaps}.{self.run}.{self.after}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor that a text names; UsageError if it names none."""
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise UsageError(
                f'"{text}" is no cursor',
                hint='the "cursor" of an earlier row, beginning, now, a time, or an age such as 7d',
            )
        gaps: set[int] = set()
        for part in filter(None, found["gaps"].split("_")):
            low, _, high = part.partition("-")
            wanted = range(int(low), int(high or low) + 1)
            if len(wanted) + len(gaps) > _MOST_GAPS:
                raise UsageError(f'"{text}" is no cursor')
            gaps.update(wanted)
        return cls(
            found["store"],
            int(found["segment"]),
            int(found["high"]),
            frozenset(gaps),
            int(found["run"]),
            int(found["after"]),
        )


def _ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Neighbours joined: (first, last) of each row of successive numbers."""
    first = last = None
    for number in sorted(numbers):
        if first is None or last is None:
            first = last = number
        elif number == last + 1:
            last = number
        else:
            yield first, last
            first = last = number
    if first is not None and last is not None:
        yield first, last
