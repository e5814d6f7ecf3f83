"""The store as a whole: set up, look over, upgrade, back up."""

from dataclasses import dataclass
import datetime as dt
from pathlib import Path
import shlex

from segctl.errors import GuardStopped, SegctlError, StoreVersionError
from segctl.store import audit, backup, checks, trace
from segctl.store.address import SqliteAddress, without_secrets
from segctl.store.backup import Backup
from segctl.store.opening import BUSY_TIMEOUT, CONNECT_TIMEOUT, Store, connect, create_store
from segctl.store.version import SCHEMA_VERSION
from segctl.store.workspace import load_workspace


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `problems` is empty when all is well."""

    name: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Schema versions before and after; equal if there was nothing to do."""

    before: str
    after: str
    backup: Backup | None


def init(url: str, *, now: dt.datetime, actor: str) -> str:
    """Set up an empty store; how it is called in output."""
    with create_store(url, now=now) as store, store.write() as session:
        audit.record(
            session,
            now=now,
            actor=actor,
            action="create",
            subject_type="store",
            subject=str(store),
            after={"schema": SCHEMA_VERSION},
        )
        return str(store)


def check(
    url: str, *, busy_timeout: float = BUSY_TIMEOUT, connect_timeout: float = CONNECT_TIMEOUT
) -> list[Check]:
    """Look the store over, all of it in one snapshot.

    StoreError if it cannot be opened at all. A check that fails is a problem of the store, too.
    """
    with connect(url, busy_timeout=busy_timeout, connect_timeout=connect_timeout) as store:
        try:
            with store.read():
                pass
        except StoreVersionError as error:
            return [Check("version", (error.message,))]
        return [Check("version", ()), *(_checked(store, name) for name, _ in checks.CHECKS)]


def upgrade(
    url: str,
    *,
    now: dt.datetime,
    actor: str,
    yes: bool,
    busy_timeout: float = BUSY_TIMEOUT,
    connect_timeout: float = CONNECT_TIMEOUT,
) -> Upgrade:
    """Bring the schema up to date, after a backup.

    A SQLite store is copied beside itself first. segctl cannot back a Postgres store up: that
    is asked for with GuardStopped, whose hint is the command, unless `yes` says that it was done.
    """
    from segctl.store import creation

    with connect(url, busy_timeout=busy_timeout, connect_timeout=connect_timeout) as store:
        before = _version(store)
        if before == SCHEMA_VERSION:
            return Upgrade(before, before, None)
        copy = _copy_before(store, before, now, yes=yes)
        creation.upgrade(store)
        with store.write() as session:
            audit.record(
                session,
                now=now,
                actor=actor,
                action="upgrade",
                subject_type="store",
                subject=str(store),
                before={"schema": before},
                after={"schema": SCHEMA_VERSION},
            )
        return Upgrade(before, SCHEMA_VERSION, copy)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went: of the write trace, of who entered and left, of runs."""

    trace: int
    changes: int
    runs: int


def prune(store: Store, *, now: dt.datetime, actor: str) -> Pruned:
    """Delete the history that is older or more than the workspace keeps."""
    from segctl.engine import history

    traced = 0
    while True:  # in bites, so that nobody waits long for the lock
        with store.write() as session:
            gone = trace.prune(session, load_workspace(session), now)
        traced += gone
        if not gone:
            break
    with store.write() as session:
        workspace = load_workspace(session)
        changes = history.prune_changes(session, workspace, now)
        pruned = Pruned(traced, changes, history.prune_runs(session, workspace, now))
        if pruned != Pruned(0, 0, 0):
            audit.record(
                session,
                now=now,
                actor=actor,
                action="prune",
                subject_type="store",
                subject=str(store),
                after={"trace": traced, "changes": pruned.changes, "runs": pruned.runs},
            )
        return pruned


def back_up(url: str, target: Path, *, force: bool = False) -> Backup | str:
    """Copy a SQLite store to a file; for Postgres the command that does it."""
    store = connect(url, busy_timeout=BUSY_TIMEOUT, connect_timeout=CONNECT_TIMEOUT)
    with store:
        if isinstance(store.address, SqliteAddress) and store.address.path is not None:
            return backup.back_up(store.address.path, target, force=force)
        return dump_command(url, target)


def dump_command(url: str, target: Path) -> str:
    """The pg_dump line for a store, without its password."""
    plain, password = without_secrets(url)
    line = f"pg_dump --format=custom --file={shlex.quote(str(target))} {shlex.quote(plain)}"
    return f"PGPASSWORD=… {line}" if password else line


def _checked(store: Store, name: str) -> Check:
    # Each in a transaction of its own: on Postgres a failed statement ends all of it.
    run = dict(checks.CHECKS)[name]
    try:
        with store.read() as session:
            return Check(name, tuple(run(session)))
    except SegctlError as error:
        return Check(name, (error.message,))


def _version(store: Store) -> str:
    """The schema version of a store that may be of another; newer ones are refused."""
    try:
        with store.read():
            return SCHEMA_VERSION
    except StoreVersionError as error:
        version = str(error.fields["store_version"])
        if version > SCHEMA_VERSION:
            raise
        return version


def _copy_before(store: Store, version: str, now: dt.datetime, *, yes: bool) -> Backup | None:
    address = store.address
    if isinstance(address, SqliteAddress):
        if address.path is None:
            return None
        name = f"{address.path.name}.schema-{version}-{now:%Y%m%dT%H%M%SZ}"
        return backup.back_up(address.path, address.path.with_name(name))
    if not yes:
        raise GuardStopped(
            f"upgrading {store} changes its schema, and segctl cannot undo that",
            hint=f"back it up: {dump_command(store.url, Path('segctl.dump'))}\n"
            "then run segctl store upgrade --yes",
        )
    return None
