"""Team members from a CSV file, all of them or none: columns email, name, role, active, groups.

An address that is known is updated. An empty cell, or a column that is missing, says nothing: a
new team member is an active agent without groups then, a known one stays as they are. A cell of
groups names all groups of the team member, separated by `;`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import datetime as dt
from typing import IO, Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.errors import FileError, InvalidValue, did_you_mean
from segctl.services.imports.chunks import Reader
from segctl.services.imports.options import ImportOptions, Rejection
from segctl.services.imports.readers import reader
from segctl.services.imports.sources import source
from segctl.services.people import Role, lock_team
from segctl.services.team_members import MemberView, member_views, record_change
from segctl.services.team_words import check_email, check_group_name, check_name, role_of
from segctl.services.values import boolean_value, text_value
from segctl.store.functions import fold
from segctl.store.opening import Store
from segctl.store.tables_team import TeamGroup, TeamGroupMember, TeamMember
from segctl.store.writing import KEEP

_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_belongs: sa.Table = TeamGroupMember.__table__  # type: ignore[attr-defined]

COLUMNS: Final = ("email", "name", "role", "active", "groups")
SEPARATOR: Final = ";"
REMEMBERED: Final = 100
"""Rejections that the result carries."""


@dataclass(frozen=True, slots=True)
class TeamImport:
    """Every row is exactly one of created, updated, unchanged, rejected.

    If some are rejected nothing is stored, and the numbers tell what would have become of the
    others; so they do in a dry run. `stored` tells whether the store holds the file's rows now.
    """

    source: str
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    rejections: tuple[Rejection, ...]
    created_groups: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    dry_run: bool

    @property
    def stored(self) -> bool:
        return not self.rejected and not self.dry_run


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that can be read. None where it says nothing."""

    line: int
    email: str
    name: str | None = None
    role: Role | None = None
    active: bool | None = None
    groups: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Read:
    """What is in the file."""

    rows: list[_Row] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    ignored: tuple[str, ...] = ()


def import_members(
    store: Store,
    path: str,
    *,
    stdin: IO[bytes] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    create_groups: bool = False,
    dry_run: bool = False,
    now: dt.datetime,
    actor: str,
) -> TeamImport:
    """Create and update team members from a file, "-" for `stdin`; nothing if a row is rejected.

    FileError if the file cannot be read or has no column email.
    """
    # Readers ask for a type of records and do not look at it.
    options = ImportOptions(
        ObjectType.CONTACT, path, stdin=stdin, encoding=encoding, delimiter=delimiter
    )
    with source(options) as opened:
        read = _read(reader(opened, options), options.name)
    with store.write() as session:
        lock_team(session)
        work = _Work(session, read, create_groups, now)
        if not work.rejections and not dry_run:
            changes = work.apply()
            if changes:
                record_change(session, now, actor, "import", options.name, after=changes)
        return TeamImport(
            source=options.name,
            rows=len(read.rows) + len(read.rejections),
            created=len(work.created),
            updated=len(work.updated),
            unchanged=work.unchanged,
            rejected=len(work.rejections),
            rejections=tuple(sorted(work.rejections, key=lambda one: one.line)[:REMEMBERED]),
            created_groups=tuple(work.new_groups.values()),
            ignored_columns=read.ignored,
            dry_run=dry_run,
        )


# ---------------------------------------------------------------- the file


def _read(rows: Reader, name: str) -> _Read:
    places = {column.strip().lower(): place for place, column in enumerate(rows.columns)}
    if "email" not in places and not rows.empty:
        near = did_you_mean("email", places) or "the columns are " + ", ".join(COLUMNS)
        if len(places) == 1 and "email" in next(iter(places)):
            near = "--delimiter says what stands between the fields, if it is no comma"
        raise FileError(f"{name} has no column email", hint=near)
    read = _Read(
        ignored=tuple(c for c in rows.columns if c.strip().lower() not in COLUMNS),
    )
    lines: dict[str, int] = {}
    for chunk in rows.chunks():
        read.rejections += [broken.rejection for broken in chunk.broken]
        for line, cells in zip(chunk.lines, chunk.rows, strict=True):
            found: dict[str, Any] = {c: cells[places[c]] for c in COLUMNS if c in places}
            row = _row(line, found)
            if isinstance(row, _Row) and lines.setdefault(row.email, line) != line:
                reason = f"{row.email} stands on line {lines[row.email]} already"
                row = Rejection(line, reason, "email", row.email)
            if isinstance(row, Rejection):
                read.rejections.append(row)
            else:
                read.rows.append(row)
    return read


def _row(line: int, cells: Mapping[str, Any]) -> _Row | Rejection:
    column = ""
    values: dict[str, Any] = {}
    try:
        for column in COLUMNS:
            cell = cells.get(column)
            values[column] = _value(column, None if cell is KEEP else cell)
    except InvalidValue as error:
        return Rejection(line, error.message, column, cells.get(column), error.hint)
    return _Row(line, **values)


def _value(column: str, cell: Any) -> Any:
    """The value of a cell; None where it says nothing."""
    if cell is None and column != "email":
        return None
    if column == "active":
        return boolean_value(cell)
    if column == "groups" and isinstance(cell, list):
        return _groups(map(str, cell))
    text = "" if cell is None else (text_value(cell) or "").strip()
    if not text and column != "email":
        return None
    match column:
        case "email":
            return check_email(text)
        case "name":
            return check_name(text, "a team member")
        case "role":
            return role_of(text)
        case _:
            return _groups(iter(text.split(SEPARATOR)))


def _groups(words: Iterator[str]) -> tuple[str, ...]:
    """The names, each once."""
    names = {fold(word.strip()): check_group_name(word) for word in words if word.strip()}
    return tuple(names.values())


# ---------------------------------------------------------------- the store


class _Work:
    """The rows of a file against the team: what becomes of each is known before one is written."""

    def __init__(
        self, session: Session, read: _Read, create_groups: bool, now: dt.datetime
    ) -> None:
        self._session = session
        self._now = now
        self._groups = {
            row.folded_name: row.id
            for row in session.execute(sa.select(_group.c.folded_name, _group.c.id))
        }
        self._names = {
            row.id: row.name for row in session.execute(sa.select(_group.c.id, _group.c.name))
        }
        self._known = {view.email: view for view in member_views(session)}
        self._create_groups = create_groups
        self.rejections = list(read.rejections)
        self.created: list[_Row] = []
        self.updated: list[tuple[MemberView, _Row]] = []
        self.unchanged = 0
        self.new_groups: dict[str, str] = {}
        """Folded name: name, of groups that are to be created."""
        for row in read.rows:
            self._sort(row)

    def _sort(self, row: _Row) -> None:
        rejection = self._without_group(row)
        if rejection is not None:
            self.rejections.append(rejection)
            return
        before = self._known.get(row.email)
        if before is None:
            self.created.append(row)
        elif _after(before, row) != _before(before):
            self.updated.append((before, row))
        else:
            self.unchanged += 1

    def _without_group(self, row: _Row) -> Rejection | None:
        """Why a group of the row cannot be found, if so; a new one is noted."""
        missing = [name for name in row.groups or () if fold(name) not in self._groups]
        if not missing:
            return None
        if self._create_groups:
            for name in missing:
                self.new_groups.setdefault(fold(name), name)
            return None
        near = did_you_mean(missing[0], self._names.values())
        return Rejection(
            row.line,
            f'there is no group "{missing[0]}"',
            "groups",
            missing[0],
            near or "--create-groups makes it",
        )

    def apply(self) -> dict[str, Any]:
        """Write everything; what changed, for the audit log."""
        for folded, name in self.new_groups.items():
            group = TeamGroup(name=name, folded_name=folded, created_at=self._now)
            self._session.add(group)
            self._session.flush()
            self._groups[folded] = group.id
        for row in self.created:
            member = TeamMember(
                email=row.email,
                name=row.name or "",
                role=(row.role or Role.AGENT).value,
                active=row.active is not False,
                created_at=self._now,
            )
            self._session.add(member)
            self._session.flush()
            self._put_into(member.id, row.groups)
        changed: dict[str, Any] = {}
        for view, row in self.updated:
            given = {"name": row.name, "role": row.role and row.role.value, "active": row.active}
            values = {key: value for key, value in given.items() if value is not None}
            if values:
                self._session.execute(
                    sa.update(_member).where(_member.c.id == view.id).values(values)
                )
            self._put_into(view.id, row.groups)
            before, after = _before(view), _after(view, row)
            changed[view.email] = {
                key: [before[key], after[key]] for key in after if after[key] != before[key]
            }
        parts = {
            "created": [row.email for row in self.created],
            "updated": changed,
            "created_groups": list(self.new_groups.values()),
        }
        return {key: part for key, part in parts.items() if part}

    def _put_into(self, member: int, groups: Sequence[str] | None) -> None:
        if groups is None:
            return
        self._session.execute(sa.delete(_belongs).where(_belongs.c.member_id == member))
        for name in groups:
            self._session.execute(
                sa.insert(_belongs).values(group_id=self._groups[fold(name)], member_id=member)
            )


def _before(view: MemberView) -> dict[str, Any]:
    groups = sorted(fold(name) for name in view.groups)
    return {"name": view.name, "role": view.role.value, "active": view.active, "groups": groups}


def _after(view: MemberView, row: _Row) -> dict[str, Any]:
    before = _before(view)
    return {
        "name": before["name"] if row.name is None else row.name,
        "role": before["role"] if row.role is None else row.role.value,
        "active": before["active"] if row.active is None else row.active,
        "groups": before["groups"]
        if row.groups is None
        else sorted(fold(name) for name in row.groups),
    }
