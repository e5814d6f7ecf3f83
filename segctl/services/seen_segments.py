"""Listings of segments as one team member sees them."""

from dataclasses import dataclass

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.services.defaults import defaults
from segctl.services.pins import pinned
from segctl.services.segment_views import SegmentView, views
from segctl.services.visibility import viewer
from segctl.store.opening import Store


@dataclass(frozen=True, slots=True)
class SeenSegment:
    """A segment, and whether it is the team member's pin and the shared default of its type."""

    view: SegmentView
    pinned: bool
    default: bool

    @property
    def mark(self) -> str | None:
        """`pinned` or `default`, the first that holds."""
        if self.pinned:
            return "pinned"
        return "default" if self.default else None

    @property
    def _rank(self) -> int:
        return 0 if self.pinned else 1 if self.default else 2


@dataclass(frozen=True, slots=True)
class Seen:
    """What a team member sees, and how many segments of the listing are hidden from them."""

    email: str
    active: bool
    segments: tuple[SeenSegment, ...]
    hidden: int


def list_as(store: Store, ref: str, type: ObjectType | None = None) -> Seen:
    """The segments that a team member sees: pinned ones, shared defaults, then the others.

    Within each of the three by type and name.
    """
    seen = _seen(store, ref, type)
    ordered = sorted(seen.segments, key=lambda segment: segment._rank)
    return Seen(seen.email, seen.active, tuple(ordered), seen.hidden)


def overview_as(store: Store, ref: str, type: ObjectType | None = None) -> Seen:
    """The same segments by type, and within a type in that order."""
    seen = _seen(store, ref, type)
    place = {type: n for n, type in enumerate(SEGMENT_TYPES)}
    ordered = sorted(seen.segments, key=lambda s: (place[s.view.type], s._rank))
    return Seen(seen.email, seen.active, tuple(ordered), seen.hidden)


def _seen(store: Store, ref: str, type: ObjectType | None) -> Seen:
    with store.read() as session:
        person = viewer(session, ref)
        pins = set(pinned(session, person).values())
        shared = {id for id, _ in defaults(session).values()}
        every = views(session, type)
    segments = tuple(
        SeenSegment(view, view.id in pins, view.id in shared)
        for view in every
        if person.sees(view.id)
    )
    return Seen(person.email, person.active, segments, len(every) - len(segments))
