"""Which segment comes before which: what a condition refers to comes first."""

from collections.abc import Iterable, Mapping, Set

References = Mapping[int, Set[int]]
"""Segment id: the ids of the segments that its condition reads."""


class Cycle(Exception):
    """Segments that refer to each other in a circle; `path` ends with the id it starts with."""

    def __init__(self, path: tuple[int, ...]) -> None:
        super().__init__(" → ".join(map(str, path)))
        self.path = path


def in_order(segments: Iterable[int], references: References) -> list[int]:
    """The segments, each after those of them that it reads, directly or through others.

    Otherwise they stay in the order given. Raises Cycle.
    """
    wanted = list(dict.fromkeys(segments))
    chosen = set(wanted)
    ordered: list[int] = []
    done: set[int] = set()
    for start in wanted:
        ordered += (s for s in _depth_first(start, references, done) if s in chosen)
    return ordered


def find_cycle(segment: int, reads: Iterable[int], references: References) -> Cycle | None:
    """The cycle that would be if `segment` read `reads` from now on, or None."""
    changed = {**references, segment: frozenset(reads)}
    try:
        for _ in _depth_first(segment, changed, set()):
            pass
    except Cycle as cycle:
        return cycle
    return None


def all_references(segments: Iterable[int], references: References) -> set[int]:
    """Everything that the segments read, directly or through others, themselves not included."""
    given = set(segments)
    found: set[int] = set()
    waiting = list(given)
    while waiting:
        for reference in references.get(waiting.pop(), frozenset()):
            if reference not in found:
                found.add(reference)
                waiting.append(reference)
    return found - given


def _depth_first(start: int, references: References, done: set[int]) -> Iterable[int]:
    """`start` and what it reads, the deepest first. No recursion: chains can be long."""
    if start in done:
        return
    path = [start]
    on_path = {start}
    ways = [iter(sorted(references.get(start, frozenset())))]
    while path:
        step = next(ways[-1], None)
        if step is None:
            ways.pop()
            segment = path.pop()
            on_path.discard(segment)
            done.add(segment)
            yield segment
        elif step in on_path:
            raise Cycle((*path[path.index(step) :], step))
        elif step not in done:
            path.append(step)
            on_path.add(step)
            ways.append(iter(sorted(references.get(step, frozenset()))))
