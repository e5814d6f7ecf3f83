"""What a team sees of the segments, and chat assignment: new tables only."""

from segctl.store.migrations.frozen import run_frozen

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_frozen(__file__)
