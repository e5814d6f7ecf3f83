"""The first schema.

As SQL text, one file per store, and not made from the tables of the code: those go on changing, and
a store that was set up today must be the same after any number of upgrades. Triggers are not in it;
see store/triggers.py.
"""

from segctl.store.migrations.frozen import run_frozen

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_frozen(__file__)
