"""Which of the due segments are recalculated together, and in which lane."""

from collections.abc import Iterable, Sequence

from segctl.engine.order import Cycle, References, in_order
from segctl.services.schedule import Scheduled


def heavy(segments: Sequence[Scheduled], references: References) -> set[int]:
    """The ids of the segments that belong in the heavy lane.

    Those that are too heavy, and those of the others that would have one recalculated first.
    """
    slow = {s.id for s in segments if s.too_heavy}
    if not slow:
        return slow
    for id in _ordered([s.id for s in segments], references):
        if references.get(id, frozenset()) & slow:
            slow.add(id)
    return slow


def first_batch(
    segments: Sequence[Scheduled], references: References, most: int
) -> list[Scheduled]:
    """The segments to recalculate first: of one type, at most so many, what they read before them.

    `segments` are those that are due, in the order of urgency.
    """
    by_id = {s.id: s for s in segments}
    batch: list[Scheduled] = []
    taken: set[int] = set()
    for id in _ordered(by_id, references):
        segment = by_id[id]
        if batch and segment.type is not batch[0].type:
            continue
        if (references.get(id, frozenset()) & by_id.keys()) <= taken:
            batch.append(segment)
            taken.add(id)
            if len(batch) == most:
                break
    return batch or list(segments[:1])


def _ordered(segments: Iterable[int], references: References) -> list[int]:
    """What is read first; as they come, if a foreign program made them read each other."""
    wanted = list(segments)
    try:
        return in_order(wanted, references)
    except Cycle:
        return wanted
