"""The first schema.

As SQL text, one file per store, and not made from the tables of the code: those go on changing, and
a store that was set up today must be the same after any number of upgrades. Triggers are not in it;
see store/triggers.py.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    text = Path(__file__).with_name(f"0001_first.{connection.dialect.name}.sql").read_text()
    for statement in text.split(";\n\n"):
        if statement.strip():
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
