"""The schema version that this segctl reads and writes."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.errors import StoreError, StoreVersionError

SCHEMA_VERSION = "0002"
"""The newest migration; a test keeps it so. Here, so that opening a store needs no alembic."""

_QUERY = sa.text("SELECT version_num FROM alembic_version")


def check_version(session: Session, place: str) -> None:
    """Refuse a store of another version; StoreVersionError names the command that mends it."""
    versions = session.execute(_QUERY).scalars().all()
    if list(versions) != [SCHEMA_VERSION]:
        refuse(place, versions[0] if len(versions) == 1 else None)


def refuse(place: str, version: str | None) -> None:
    if version is None:
        raise not_a_store(place)
    fields = {"store_version": version, "segctl_version": SCHEMA_VERSION}
    if version < SCHEMA_VERSION:
        raise StoreVersionError(
            f"the store {place} has schema {version}, and this segctl needs {SCHEMA_VERSION}",
            hint="bring it up to date with segctl store upgrade",
            **fields,
        )
    raise StoreVersionError(
        f"the store {place} has schema {version}, and this segctl knows {SCHEMA_VERSION} at most",
        hint="upgrade segctl on this machine",
        **fields,
    )


def not_a_store(place: str) -> StoreError:
    return StoreError(f"{place} is not a segctl store", hint="set one up with segctl init")
