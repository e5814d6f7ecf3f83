"""Conditions: readable or not, references, cycles, duplicates, what can never or always be true."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from segctl.conditions import walk
from segctl.conditions.nodes import Condition, Everything, Not
from segctl.conditions.printer import definition_text
from segctl.conditions.satisfiable import Alternative, alternatives, excludes
from segctl.engine.order import Cycle, in_order
from segctl.services.doctor.examination import Examination
from segctl.services.doctor.findings import Finding, of_segment
from segctl.services.segment_views import SegmentView
from segctl.store.tables import Segment

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]

MOST_PAIRS = 50_000
"""Pairs of segments of a type that are compared with each other; there are no findings beyond."""


def look(seen: Examination) -> Iterator[Finding]:
    yield from _unreadable(seen)
    yield from _cycles(seen)
    yield from _outdated(seen)
    yield from _extreme(seen)
    yield from _alike(seen)


def _unreadable(seen: Examination) -> Iterator[Finding]:
    for id, error in seen.problems.items():
        code = "reference-missing" if "segment" in error.fields else "condition-unreadable"
        yield of_segment(
            code, seen.segments[id], error.message, "segments edit", after=" --where …"
        )


def _cycles(seen: Examination) -> Iterator[Finding]:
    """Each circle once, by the references of the conditions themselves."""
    reads = {id: walk.segments(condition) for id, condition in seen.conditions.items()}
    left = dict(reads)
    while True:
        try:
            in_order(sorted(left), left)
            return
        except Cycle as cycle:
            names = " → ".join(f'"{seen.segments[id].name}"' for id in cycle.path)
            first = seen.segments[min(cycle.path)]
            yield of_segment("cycle", first, names, "segments edit", after=" --where …")
            for id in cycle.path:
                left.pop(id, None)


def _outdated(seen: Examination) -> Iterator[Finding]:
    hashes = dict(seen.session.execute(sa.select(_segment.c.id, _segment.c.definition_hash)).all())
    for id, condition in seen.conditions.items():
        segment = seen.segments[id]
        if seen.references.get(id, set()) != walk.segments(condition):
            yield of_segment(
                "references-outdated",
                segment,
                "what it is stored to refer to is not what its condition says",
                safe=True,
            )
        if hashes[id] != seen.words.hash(segment.type, condition):
            yield of_segment(
                "hash-outdated", segment, "its hash is that of another condition", safe=True
            )


def _extreme(seen: Examination) -> Iterator[Finding]:
    for id, condition in seen.conditions.items():
        if isinstance(condition, Everything):
            continue
        segment = seen.segments[id]
        if not alternatives(condition, seen.words.zone):
            yield of_segment(
                "contradiction",
                segment,
                "no record can ever satisfy its condition",
                "segments edit",
                after=" --where …",
            )
        elif not alternatives(Not(condition), seen.words.zone):
            yield of_segment(
                "always-true",
                segment,
                f"every {segment.type} satisfies its condition",
                "segments edit",
                after=" --where everything",
            )


# ---------------------------------------------------------------- pairs


class _Shape:
    """A condition prepared for being compared with others."""

    def __init__(self, segment: SegmentView, condition: Condition, seen: Examination) -> None:
        self.segment = segment
        self.condition = condition
        self.text = definition_text(condition)
        self.reads = walk.segments(condition)
        # Events are read by name: two event forms have little in common but that.
        self.words = frozenset(
            {str(attribute) for attribute in walk.attributes(condition)}
            | {f"#{id}" for id in self.reads}
            | {str(relation) for relation in walk.relations(condition)}
        )
        self._zone = seen.words.zone
        self._true: Sequence[Alternative] | None = None
        self._false: Sequence[Alternative] | None = None

    @property
    def true(self) -> Sequence[Alternative]:
        if self._true is None:
            self._true = alternatives(self.condition, self._zone)
        return self._true

    @property
    def false(self) -> Sequence[Alternative]:
        if self._false is None:
            self._false = alternatives(Not(self.condition), self._zone)
        return self._false

    def implies(self, other: "_Shape") -> bool:
        """Whether its members are members of the other; not if either is empty or everything."""
        if not other.words <= self.words or not self.true or not other.false:
            return False
        return excludes(self.true, other.false, self._zone)


def _alike(seen: Examination) -> Iterator[Finding]:
    """Duplicates, and segments that are contained in another without saying so."""
    by_type: dict[str, list[_Shape]] = {}
    for id, condition in seen.conditions.items():
        segment = seen.segments[id]
        by_type.setdefault(segment.type, []).append(_Shape(segment, condition, seen))
    for shapes in by_type.values():
        yield from _duplicates(shapes)
        yield from _contained(shapes)


def _duplicates(shapes: Sequence[_Shape]) -> Iterator[Finding]:
    first: dict[str, _Shape] = {}
    for shape in shapes:
        other = first.setdefault(shape.text, shape)
        if other is not shape:
            yield of_segment(
                "duplicate",
                shape.segment,
                f'its condition is that of "{other.segment.name}"',
                "impact segment",
            )


def _contained(shapes: Sequence[_Shape]) -> Iterator[Finding]:
    pairs = 0
    told: set[tuple[int, int]] = set()
    for shape in shapes:
        around: list[_Shape] = []
        for other in shapes:
            if other is shape or other.text == shape.text or not other.words <= shape.words:
                continue
            pairs += 1
            if pairs > MOST_PAIRS:
                return
            if not shape.implies(other):
                continue
            if other.implies(shape):
                pair = (shape.segment.id, other.segment.id)
                if pair[::-1] not in told:
                    told.add(pair)
                    yield of_segment(
                        "duplicate",
                        shape.segment,
                        f'its condition means the same as that of "{other.segment.name}"',
                        "impact segment",
                    )
            elif other.segment.id not in shape.reads:
                around.append(other)
        if around:
            names = ", ".join(f'"{other.segment.name}"' for other in around[:3])
            more = f" and {len(around) - 3} more" if len(around) > 3 else ""
            yield of_segment(
                "contained",
                shape.segment,
                f"whoever satisfies its condition satisfies that of {names}{more}",
            )
