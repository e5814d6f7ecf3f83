"""After any edits, an incremental recalculation leaves what a full one would, and what is true."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from segctl.store.opening import Store
from tests.engine.incremental_machine import Incremental, prepare


def test_incremental_is_full_is_true_after_every_edit(store: Store) -> None:
    prepare(store)
    machine = type("Incremental", (Incremental,), {"store": store})
    examples = max(6, settings.default.max_examples // 5)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=8)
    )
