"""The schema version that this segctl reads and writes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segctl.errors import StoreError, StoreVersionError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SCHEMA_VERSION = "0003"
"""The newest migration; a test keeps it so. Here, so that opening a store needs no alembic."""


def check_version(session: "Session", place: str) -> None:
    """Refuse a store of another version; StoreVersionError names the command that mends it."""
    result = session.connection().exec_driver_sql("SELECT version_num FROM alembic_version")
    refuse_other_version(result.scalars().all(), place)


def refuse_other_version(versions: Sequence[str], place: str) -> None:
    """Refuse a store in which another version than this program's is written, or several."""
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
