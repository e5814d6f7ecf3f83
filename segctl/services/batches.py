"""Which segments are recalculated together, and in which order."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from segctl.catalog import ObjectType
from segctl.engine.order import Cycle, all_references, in_order
from segctl.errors import SegctlError
from segctl.services.segment_references import load_references
from segctl.services.segment_views import SegmentView, find_row, views
from segctl.store.opening import Store


@dataclass(frozen=True, slots=True)
class Batch:
    """The segments of a recalculation, what they refer to first.

    `asked` are those that were named; the others are references that had to come along.
    `references` are those of all segments of the store.
    """

    segments: tuple[SegmentView, ...]
    asked: frozenset[int]
    references: Mapping[int, set[int]]
    read: Mapping[int, SegmentView]
    """The segments that these read, as they were before, whether among them or not."""

    def is_ready(self, segment: int, waiting: Set[int]) -> bool:
        """Whether a segment's turn has come: nothing that it reads is still waiting."""
        return not self.references.get(segment, set()) & waiting


def choose(
    store: Store,
    refs: Sequence[str] | None = None,
    *,
    type: ObjectType | None = None,
    with_references: bool = False,
) -> Batch:
    """The segments of these names or ids, without any all of them, or all of the type.

    References that were never counted or are stale come along, with `with_references` all.
    NotFound and UsageError if a name says nothing or too much.
    """
    with store.read() as session:
        references = load_references(session)
        known = {view.id: view for view in views(session)}
        if refs:
            asked = {find_row(session, ref, type).id for ref in dict.fromkeys(refs)}
        else:
            asked = {id for id, view in known.items() if type in (None, view.type)}
    return _batch(asked, known, references, with_references=with_references)


def choose_ids(store: Store, segments: Set[int]) -> Batch:
    """The segments of these ids, without those that were deleted.

    References that were never counted or are stale come along.
    """
    with store.read() as session:
        references = load_references(session)
        known = {view.id: view for view in views(session)}
    return _batch(set(segments & known.keys()), known, references)


def _batch(
    asked: set[int],
    known: Mapping[int, SegmentView],
    references: Mapping[int, set[int]],
    *,
    with_references: bool = False,
) -> Batch:
    chosen = [id for id in known if id in asked]
    chosen += sorted(
        id
        for id in all_references(asked, references)
        if with_references or known[id].count is None or known[id].stale
    )
    try:
        ordered = in_order(chosen, references)
    except Cycle as cycle:
        raise SegctlError(
            "these segments refer to each other in a circle: "
            + " → ".join(f'"{known[id].name}"' for id in cycle.path),
            hint="segctl segments edit one of them",
        ) from cycle
    read = {reference for id in ordered for reference in references.get(id, ())}
    return Batch(
        tuple(known[id] for id in ordered),
        frozenset(asked),
        references,
        {id: known[id] for id in read},
    )


def uncounted(view: SegmentView, reason: str | None) -> SegctlError:
    """The refusal of what reads a segment that was never counted."""
    return SegctlError(
        f'it reads the members of "{view.name}", which was never counted'
        + (f": {reason}" if reason else ""),
        hint=f'segctl recalc "{view.name}"',
        reference=view.name,
    )
