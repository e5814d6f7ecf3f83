"""What the tests of records share: files made of text, imports without the command line."""

import datetime as dt
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.services import records
from segctl.services.imports.options import ImportOptions, ImportResult
from segctl.services.imports.run import import_records
from segctl.store.opening import Store
from tests.conftest import NOW

LATER = NOW + dt.timedelta(days=1)


def written(folder: Path, text: str | bytes, name: str = "rows.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def imported(
    store: Store,
    path: Path | str,
    type: ObjectType = ObjectType.CONTACT,
    *,
    now: dt.datetime = NOW,
    **options: Any,
) -> ImportResult:
    """Import a file as a test writer would."""
    wanted = ImportOptions(type, str(path), **options)
    return import_records(store, wanted, now=now, actor="tester")


def outcome(result: ImportResult) -> tuple[int, int, int, int, int]:
    """Created, updated, unchanged, matched, rejected."""
    return (
        result.created,
        result.updated,
        result.unchanged,
        result.matched,
        result.rejected,
    )


def listed(
    store: Store, *columns: str, type: ObjectType = ObjectType.CONTACT
) -> list[tuple[Any, ...]]:
    """The values of these columns of all records, by id."""
    with records.list_records(store, type, columns=columns, now=NOW) as listing:
        return [tuple(row[column] for column in columns) for row in listing.rows]


def integrity(store: Store) -> str:
    """What SQLite says of the file and all CHECKs; "ok" for Postgres, which never skips them."""
    if store.dialect == "postgresql":
        return "ok"
    with store.read() as session:
        return str(session.execute(sa.text("PRAGMA integrity_check")).scalar_one())
