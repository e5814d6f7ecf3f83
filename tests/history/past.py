"""What the tests of history share: moments, feeds, recorded members."""

from collections.abc import Iterable
import datetime as dt

from segctl.services import as_of, changes, undo
from segctl.services.cursors import Cursor
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import ACTOR

HOUR = dt.timedelta(hours=1)
LATER = NOW + 1000 * HOUR


def hour(number: float) -> dt.datetime:
    return NOW + number * HOUR


def as_it_was(store: Store, name: str, at: dt.datetime, now: dt.datetime = LATER) -> list[int]:
    """The ids of the members of a time."""
    with as_of.as_of(store, name, at=at, now=now, columns=["id"]) as found:
        return [row["id"] for row in found.rows]


def feed(store: Store, cursor: Cursor, limit: int = 10_000) -> tuple[list[changes.Change], Cursor]:
    """All changes behind a place, and the place behind them."""
    found: list[changes.Change] = []
    while True:
        page = changes.page(store, cursor, limit)
        found += page.changes
        cursor = page.cursor
        if not page.more:
            return found, cursor


def replayed(found: Iterable[changes.Change]) -> dict[str, set[int]]:
    """Who is in which segment after all of that; each change must change something."""
    members: dict[str, set[int]] = {}
    for change in found:
        mine = members.setdefault(change.segment, set())
        assert (change.record_id in mine) != change.entered, change
        (mine.add if change.entered else mine.discard)(change.record_id)
    return members


def undone(store: Store, run: int, now: dt.datetime = LATER, **more) -> undo.Undo:
    return undo.undo(store, run, now=now, actor=ACTOR, **more)
