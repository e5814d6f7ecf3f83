"""Running a migration's SQL text, one file per store beside the migration."""

from pathlib import Path

from alembic import op

from segctl.store.migrations.freeze import SEPARATOR


def run_frozen(migration: str) -> None:
    """Run `0001_name.<dialect>.sql` for the migration whose `__file__` is `…/0001_name.py`."""
    connection = op.get_bind()
    path = Path(migration).with_suffix(f".{connection.dialect.name}.sql")
    for statement in path.read_text().split(SEPARATOR):
        if statement.strip():
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
