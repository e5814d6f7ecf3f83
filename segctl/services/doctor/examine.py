"""All findings of a store, the most serious first."""

from collections.abc import Sequence
import datetime as dt

from segctl.config_hooks import Hook
from segctl.errors import StoreVersionError
from segctl.services.doctor import definitions, members, states, tables, team
from segctl.services.doctor.codes import CODES
from segctl.services.doctor.examination import examination
from segctl.services.doctor.findings import Finding, of_store
from segctl.store.address import SqliteAddress, parse_address
from segctl.store.filesystems import network_file_system
from segctl.store.opening import Store

GROUPS = (tables.look, definitions.look, states.look, members.look, team.look)

_ORDER = {name: place for place, name in enumerate(CODES)}


def examine(store: Store, *, now: dt.datetime, hooks: Sequence[Hook] = ()) -> list[Finding]:
    """Look the store over, in one snapshot. Nothing is stored."""
    with store.read() as session:
        seen = examination(session, now, hooks)
        found = [finding for look in GROUPS for finding in look(seen)]
    return in_order(found)


def unopenable(url: str, error: Exception | None = None) -> list[Finding]:
    """Why a store cannot be opened, where doctor has a word for it."""
    address = parse_address(url)
    if isinstance(address, SqliteAddress) and address.path is not None:
        kind = network_file_system(address.path)
        if kind is not None:
            return [of_store("network-file-system", f"{address} is on {kind}")]
    if isinstance(error, StoreVersionError):
        return [of_store("schema-version", error.message, "segctl store upgrade")]
    return []


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The most serious first, those of a code together, in the order in which they were found."""
    return sorted(findings, key=lambda each: (each.level.rank, _ORDER[each.code.name]))
