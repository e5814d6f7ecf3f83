"""Changing a table so that nothing of it is lost on SQLite.

SQLite alters little in place; Alembic's batch mode makes a new table, copies the rows and drops the
old one. By itself that loses what it does not reflect: CHECKs, STRICT, AUTOINCREMENT with the
numbers that it has given out, and triggers. Custom attributes are columns that no migration knows,
so the table is taken as it stands in the store.

The triggers of the trace need no care here: whoever upgrades a store puts them in anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import re

from alembic import op
from alembic.operations import BatchOperations
import sqlalchemy as sa

from segctl.store.triggers_sqlite import PREFIX

_FOREIGN_TRIGGERS = sa.text(
    "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table "
    "AND name NOT GLOB :ours"
)
_SEQUENCE = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table")


@contextmanager
def altered(table: str) -> Iterator[BatchOperations]:
    """`op.batch_alter_table(table)`, on SQLite with all that the table has.

    Column types of a STRICT table are sa.Text, sa.Integer and sa.REAL on SQLite. Rename a column by
    `op.execute("ALTER TABLE … RENAME COLUMN …")`, which rewrites its CHECK; batch mode does not.
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        with op.batch_alter_table(table) as batch:
            yield batch
        return
    ours = PREFIX + "*"
    foreign = list(connection.execute(_FOREIGN_TRIGGERS, {"table": table, "ours": ours}).scalars())
    text = str(
        connection.execute(
            sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table"),
            {"table": table},
        ).scalar_one()
    )
    numbered = "AUTOINCREMENT" in text
    reached = connection.execute(_SEQUENCE, {"table": table}).scalar() if numbered else None
    options = {
        "sqlite_autoincrement": numbered,
        "sqlite_strict": text.rstrip().endswith("STRICT"),
        "sqlite_with_rowid": "WITHOUT ROWID" not in text,
    }
    with op.batch_alter_table(
        table, recreate="always", copy_from=_as_it_stands(connection, table), table_kwargs=options
    ) as batch:
        yield batch
    _refuse_stray_checks(connection, table)
    if reached is not None:
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :t"), {"t": table})
        connection.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:t, :seq)"),
            {"t": table, "seq": reached},
        )
    for trigger in foreign:
        connection.exec_driver_sql(trigger)


def _as_it_stands(connection: sa.Connection, name: str) -> sa.Table:
    """The table as the store has it, with the CHECKs that reflection leaves out."""
    table = sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
    for check in [c for c in table.constraints if isinstance(c, sa.CheckConstraint)]:
        table.constraints.discard(check)
    for found in sa.inspect(connection).get_check_constraints(name):
        text = sa.text(found["sqltext"].replace(":", "\\:"))
        check = sa.CheckConstraint(text, name=found["name"])
        # A CHECK that belongs to its column goes when the column is dropped.
        names = _quoted_names(found["sqltext"])
        if len(names) == 1:
            owner = table.columns[names.pop()]
            owner.constraints.add(check)
            check.parent = owner
        else:
            table.append_constraint(check)
    return table


def _refuse_stray_checks(connection: sa.Connection, table: str) -> None:
    """SQLite reads a quoted name that is no column as a text, and the CHECK would hold nothing."""
    inspector = sa.inspect(connection)
    columns = {column["name"] for column in inspector.get_columns(table)}
    for found in inspector.get_check_constraints(table):
        gone = _quoted_names(found["sqltext"]) - columns
        if gone:
            raise ValueError(f"{found['name']} is about columns that are gone: {', '.join(gone)}")


def _quoted_names(check: str) -> set[str]:
    """The names in double quotes, outside of texts in single ones."""
    return set(re.findall(r'"(\w+)"', re.sub(r"'(?:[^']|'')*'", "", check)))
