"""Whatever happens to a segment, its past and its feed tell it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from segctl.engine import history
from segctl.errors import GuardStopped, SegctlError
from segctl.services import changes, failures, segments
from segctl.store.opening import Store
from segctl.store.workspace import load_workspace
from tests.engine.workspace import ACTOR, add, edit, recalc, sql, stored
from tests.engine.workspace import segment as make_segment
from tests.history.past import as_it_was, feed, hour, replayed, undone

_numbers = count(1)

place = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("size"), place, st.sampled_from([10, 60, 90])),
    st.tuples(st.just("delete"), place),
    st.tuples(st.just("insert"), st.sampled_from([10, 60, 90])),
    st.tuples(st.just("condition"), st.sampled_from([20, 50, 80])),
    st.tuples(st.just("recalc")),
    st.tuples(st.just("recalc")),
    st.tuples(st.just("undo"), st.integers(0, 7)),
)


@dataclass
class World:
    """One segment, its records, and the members that were recorded after each run."""

    store: Store
    name: str
    ids: list[int]
    now: int
    recorded: dict[float, list[int] | None] = field(default_factory=dict)
    runs: list[int] = field(default_factory=list)

    def size(self, place: int, size: int) -> None:
        if self.ids:
            id = self.ids[place % len(self.ids)]
            sql(self.store, "UPDATE company SET size = :s WHERE id = :id", s=size, id=id)

    def delete(self, place: int) -> None:
        if self.ids:
            id = self.ids.pop(place % len(self.ids))
            sql(self.store, "DELETE FROM company WHERE id = :id", id=id)

    def insert(self, size: int) -> None:
        self.ids += add(self.store, "company", [{"name": self.name, "size": size}])

    def condition(self, size: int) -> None:
        edit(self.store, self.name, where=f'name = "{self.name}" and size > {size}')

    def recalc(self) -> None:
        self.now += 1
        outcome = recalc(self.store, self.name, now=hour(self.now))[self.name]
        assert outcome.done
        assert outcome.run is not None
        self.runs.append(outcome.run)
        self.record()

    def undo(self, place: int) -> None:
        if not self.runs:
            return
        self.now += 1
        done = undone(self.store, self.runs[place % len(self.runs)], now=hour(self.now))
        if done.run is None:
            return
        self.runs.append(done.run)
        self.record()
        failures.retry(self.store, [self.name], now=hour(self.now), actor=ACTOR)

    def record(self) -> None:
        view = segments.find(self.store, self.name)
        members = stored(self.store, self.name)
        assert view.count == (None if view.count is None and not members else len(members))
        self.recorded[self.now] = None if view.count is None else members

    def past(self, number: float) -> list[int] | None:
        """The members of half an hour after a run, as history tells them."""
        try:
            at = hour(number + 0.5)
            return as_it_was(self.store, self.name, at, now=hour(self.now + 1))
        except SegctlError as error:
            if "not counted then" not in error.message:
                raise
            return None


@pytest.fixture
def worlds(store: Store) -> Callable[[], World]:
    """A world for each example; all in one store, where their runs and changes lie together."""

    def make() -> World:
        name = f"world{next(_numbers)}"
        rows = [{"name": name, "size": size} for size in (10, 60, 90)]
        # Each has its own days, so that pruning is about the latest one.
        made = World(store, name, add(store, "company", rows), next(_numbers) * 50)
        make_segment(store, name, f'name = "{name}" and size > 50')
        return made

    return make


@settings(max_examples=15)
@given(
    steps=st.lists(STEPS, min_size=4, max_size=16), days=st.floats(0, 0.5), page=st.integers(1, 5)
)
def test_the_past_and_the_feed_are_exact(
    worlds: Callable[[], World], steps, days: float, page: int
):
    world = worlds()
    for name, *values in steps:
        getattr(world, name)(*values)
    store = world.store
    for number, recorded in world.recorded.items():
        assert world.past(number) == recorded
    if world.recorded:
        found, cursor = feed(store, changes.beginning(store, world.name), page)
        told = replayed(found).get(world.name, set())
        assert told == set(stored(store, world.name))
        assert feed(store, cursor)[0] == []
    with store.write() as session:
        workspace = load_workspace(session)
        workspace.change_keep_days = days
        history.prune_changes(session, workspace, hour(world.now))
    for number, recorded in world.recorded.items():
        try:
            assert world.past(number) == recorded
        except GuardStopped:
            assert number < world.now - days * 24
