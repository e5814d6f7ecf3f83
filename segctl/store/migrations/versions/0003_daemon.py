"""Daemons, the schedule's exceptions, the outbox of hooks, the horizon of history: new tables."""

from segctl.store.migrations.frozen import run_frozen

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_frozen(__file__)
