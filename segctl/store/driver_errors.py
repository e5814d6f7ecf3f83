"""What the drivers say, in the words of segctl.

Only what a person can mend is translated. Anything else stays as it is: it is a bug.
"""

from collections.abc import Iterable
import re
from typing import NoReturn

from segctl.errors import Busy, SegctlError, StoreError
from segctl.store.version import not_a_store

_SPACE = "make room, or move the store, and run it again: nothing of this command was kept"
_AGAIN = "try again in a moment"


def raise_translated(
    error: Exception, place: str, secrets: Iterable[str] = (), *, writing: bool = True
) -> NoReturn:
    """Raise what `error` means to a person, or the error itself if that is nothing.

    `error` is the driver's or SQLAlchemy's wrapping of it. That a reading transaction cannot write
    is a bug and stays as it is.
    """
    original = getattr(error, "orig", None) or error
    name = getattr(original, "sqlite_errorname", None)
    if isinstance(name, str):
        meaning = _sqlite(name, str(original), place)
    else:
        state = getattr(original, "sqlstate", None)
        lost = getattr(error, "connection_invalidated", False)
        meaning = _postgres(state, scrub(str(original), secrets), place, lost=lost)
        if state == "25006" and not writing:
            meaning = None
    if meaning is None:
        raise error
    raise meaning from error


def is_of_a_driver(error: Exception) -> bool:
    """Whether one of the drivers raised it."""
    return type(error).__module__.partition(".")[0] in ("sqlite3", "psycopg")


def scrub(text: str, secrets: Iterable[str]) -> str:
    """One line of a driver's talk, with `***` for the secrets."""
    line = re.sub(r"\s+", " ", text).strip()
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, "***")
    return line


def _sqlite(name: str, talk: str, place: str) -> SegctlError | None:
    kind = "_".join(name.split("_")[:2])
    match kind:
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return Busy(
                f"another process is writing to the store {place}", hint=_AGAIN, reason="locked"
            )
        case "SQLITE_FULL":
            return StoreError(f"the disk is full: the store {place} cannot grow", hint=_SPACE)
        case "SQLITE_READONLY":
            return read_only(place)
        case "SQLITE_NOTADB":
            return StoreError(f"{place} is not a SQLite database", hint="check the store's address")
        case "SQLITE_CORRUPT":
            return StoreError(
                f"the store {place} is damaged ({talk})",
                hint="segctl store check says where; restore a backup, or save what is left with "
                "sqlite3 … .recover",
            )
        case "SQLITE_IOERR":
            return StoreError(f"the store {place} cannot be read or written: {talk} ({name})")
        case "SQLITE_CANTOPEN" | "SQLITE_PERM" | "SQLITE_AUTH":
            return StoreError(f"the store {place} cannot be opened: {talk}")
        case "SQLITE_ERROR" if "no such table: alembic_version" in talk:
            return not_a_store(place)
    return None


def read_only(place: str) -> StoreError:
    return StoreError(
        f"the store {place} is read-only here, so nothing can be written to it",
        hint="check the rights on the file and on its folder",
        reason="read_only",
    )


def _postgres(state: str | None, talk: str, place: str, *, lost: bool) -> SegctlError | None:
    match state:
        case "55P03":
            return Busy(
                f"another process holds a lock in the store {place}", hint=_AGAIN, reason="locked"
            )
        case "40001":
            return Busy(
                "another process changed the same rows first", hint=_AGAIN, reason="serialization"
            )
        case "40P01":
            return Busy(
                "two processes waited for each other, and this one gave way",
                hint=_AGAIN,
                reason="deadlock",
            )
        case "53100":
            return StoreError(f"the disk of the store {place} is full", hint=_SPACE)
        case "53300":
            return StoreError(f"the store {place} takes no more connections: {talk}", hint=_AGAIN)
        case "25006":
            return StoreError(
                f"the store {place} is read-only: its server is a standby, or the role only reads",
                reason="read_only",
            )
        case "42501":
            return StoreError(
                f"the role of this connection may not do that in the store {place}: "
                f"{talk.partition(' LINE ')[0]}",
                hint="the GRANTs that a role needs are in docs/store.md",
                reason="rights",
            )
        case "42P01" if "alembic_version" in talk:
            return not_a_store(place)
        case "28P01" | "28000":
            return StoreError(
                f"the store {place} refuses the login: {talk}", hint="check user and password"
            )
        case "3D000":
            return StoreError(
                f"the store {place} cannot be opened: {talk}", hint="create it with createdb"
            )
        case "57014":
            return StoreError(
                f"the statement was cancelled by the server: {talk}", reason="cancelled"
            )
        case "XX001" | "XX002":
            return StoreError(f"the store {place} is damaged: {talk}", hint="restore a backup")
    if lost or (state or "").startswith(("08", "57P")) or (state is None and _no_answer(talk)):
        return StoreError(
            f"the store {place} does not answer: {talk}",
            hint="is the server up, and are host and port right? segctl config show says where the "
            "address comes from",
            reason="no_answer",
        )
    if (state or "").startswith(("53", "58")):
        return StoreError(f"the server of the store {place} failed: {talk}")
    return None


def _no_answer(talk: str) -> bool:
    return any(
        words in talk
        for words in (
            "connection",
            "could not translate host name",
            "failed to resolve host",
            "server closed",
            "timeout expired",
            "no route",
            "SSL",
        )
    )
