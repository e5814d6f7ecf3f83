"""The workspace row and the catalog that the store holds."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import Attribute, Catalog, ObjectType, ValueType
from segctl.errors import StoreError
from segctl.store.tables import CustomAttribute, Workspace

_CACHE = "catalogs"
"""Key in `session.info`: the catalogs that the Store of this session has read, by version."""
_CHANGED = "catalog_changed"
"""Key in `session.info`: this transaction changed the catalog, so it is not shared yet."""


def load_workspace(session: Session) -> Workspace:
    """The settings of the workspace, as a row that can be changed."""
    workspace = session.get(Workspace, 1)
    if workspace is None:
        raise StoreError(
            "the store has no workspace row: it was damaged or not set up to the end",
            hint="restore a backup, or set up a new store with segctl init",
        )
    return workspace


def load_catalog(session: Session) -> Catalog:
    """The catalog as this transaction sees it; read again only when its version has moved."""
    version: Any = session.execute(
        sa.select(sa.column("catalog_version")).select_from(sa.table("workspace"))
    ).scalar()
    version = version or 0
    session.info["catalog_version"] = version
    cache: dict[int, Catalog] | None = (
        None if session.info.get(_CHANGED) else session.info.get(_CACHE)
    )
    if cache is not None and version in cache:
        return cache[version]
    catalog = Catalog(_custom(session), version)
    if cache is not None:
        cache.clear()
        cache[version] = catalog
    return catalog


def bump_catalog(session: Session) -> None:
    """Say that the catalog has changed: every process reads it again in its next transaction."""
    session.flush()
    table = Workspace.__table__  # type: ignore[attr-defined]
    session.execute(sa.update(table).values(catalog_version=table.c.catalog_version + 1))
    session.info[_CHANGED] = True
    session.expire_all()


def _custom(session: Session) -> tuple[Attribute, ...]:
    table = CustomAttribute.__table__  # type: ignore[attr-defined]
    rows = session.execute(
        sa.select(table).order_by(table.c.created_at, table.c.object_type, table.c.name)
    )
    return tuple(
        Attribute(
            type=ObjectType(row.object_type),
            name=row.name,
            kind=ValueType(row.kind),
            choices=tuple(row.choices),
            standard=False,
            description=row.description,
        )
        for row in rows
    )
