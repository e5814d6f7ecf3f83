"""The tables that segctl keeps beside the records.

Table classes are plain rows: they validate nothing (services do), and no table has behaviour.
Instants are aware UTC datetimes. Record tables (contact, company, …) are made from the catalog in
records.py, because custom attributes are real columns.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from segctl.catalog import DEFAULT_INTERVAL, MINIMUM_INTERVAL
from segctl.store.types import Instant, Json

BigInteger = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def key_column(**more: Any) -> Any:
    """A primary key that is never used twice: AUTOINCREMENT on SQLite, an identity on Postgres."""
    return Field(
        default=None, sa_column=sa.Column(BigInteger, sa.Identity(), primary_key=True), **more
    )


class Workspace(SQLModel, table=True):
    """One row: the settings that change members or history, and the store's own identity."""

    __tablename__ = "workspace"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_workspace"),)

    id: int = Field(default=1, primary_key=True)
    store_id: str
    timezone: str = "UTC"
    catalog_version: int = 0
    min_interval: int = MINIMUM_INTERVAL
    heavy_seconds: float = 30.0
    heavy_share: float = 0.25
    trace_keep_days: float = 7.0
    trace_keep_rows: int = Field(default=50_000_000, sa_type=sa.BigInteger)
    full_every_days: float = 7.0
    change_keep_days: float = 90.0
    change_keep_rows: int = Field(default=50_000_000, sa_type=sa.BigInteger)
    run_keep_days: float = 400.0
    max_change: str | None = None
    assignment_source: str = "live"
    group_strategy: str | None = None
    created_at: dt.datetime = Field(sa_type=Instant)


class CustomAttribute(SQLModel, table=True):
    """A custom attribute: a column of its type's record table, or a declared event attribute."""

    __tablename__ = "attribute"

    object_type: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    kind: str
    choices: list[str] = Field(default_factory=list, sa_type=Json)
    description: str = ""
    created_at: dt.datetime = Field(sa_type=Instant)


class Segment(SQLModel, table=True):
    """A segment's definition. `interval` is in minutes, 0 for manual."""

    __tablename__ = "segment"
    __table_args__ = (
        sa.Index("segment_name", "object_type", "folded_name", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    object_type: str
    name: str
    folded_name: str
    description: str = ""
    condition: str
    definition_hash: str
    interval: int = DEFAULT_INTERVAL
    max_change: str | None = None
    modified_at: dt.datetime = Field(sa_type=Instant)
    created_at: dt.datetime = Field(sa_type=Instant)


class SegmentReference(SQLModel, table=True):
    """`segment` reads the members of `referenced`."""

    __tablename__ = "segment_reference"

    segment_id: int = Field(
        sa_column=sa.Column(
            BigInteger, sa.ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True
        )
    )
    referenced_id: int = Field(
        sa_column=sa.Column(BigInteger, sa.ForeignKey("segment.id"), primary_key=True, index=True)
    )


class SegmentState(SQLModel, table=True):
    """What is known of a segment's members. `count` is NULL until they were first counted."""

    __tablename__ = "segment_state"

    segment_id: int = Field(
        sa_column=sa.Column(
            BigInteger, sa.ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True
        )
    )
    count: int | None = Field(default=None, sa_type=sa.BigInteger)
    last_counted_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    last_duration: float | None = None
    last_error: str | None = None
    failures: int = 0
    too_heavy: bool = False
    heavy_reasons: list[str] = Field(default_factory=list, sa_type=Json)
    definition_hash: str | None = None
    evaluated_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    watermark: dict[str, Any] | None = Field(default=None, sa_type=Json)
    full_at: dt.datetime | None = Field(default=None, sa_type=Instant)


class Lease(SQLModel, table=True):
    """Who is recalculating a segment.

    `token` changes with each holder; `expires_at` is by the clock of the store on Postgres.
    """

    __tablename__ = "lease"

    segment_id: int = Field(
        sa_column=sa.Column(
            BigInteger, sa.ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True
        )
    )
    token: str
    owner: str
    host: str
    pid: int
    started_at: dt.datetime = Field(sa_type=Instant)
    expires_at: dt.datetime = Field(sa_type=Instant)


class Recalculation(SQLModel, table=True):
    """One run of one segment. `now` is the frozen clock of its evaluation."""

    __tablename__ = "recalculation"
    __table_args__ = (
        sa.Index("recalculation_segment", "segment_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    segment_id: int = Field(sa_type=BigInteger)
    trigger: str
    mode: str
    why: str = ""
    baseline: bool = False
    started_at: dt.datetime = Field(sa_type=Instant)
    duration: float | None = None
    now: dt.datetime = Field(sa_type=Instant)
    count_before: int | None = Field(default=None, sa_type=sa.BigInteger)
    count_after: int | None = Field(default=None, sa_type=sa.BigInteger)
    entered: int | None = Field(default=None, sa_type=sa.BigInteger)
    left: int | None = Field(default=None, sa_type=sa.BigInteger)
    skips: int = 0
    error: str | None = None
    definition_hash: str
    owner: str


class MemberChange(SQLModel, table=True):
    """A record entered or left in a run. A left row carries the run that had let the record in."""

    __tablename__ = "member_change"
    __table_args__ = (
        sa.Index("member_change_run", "segment_id", "recalculation_id"),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    segment_id: int = Field(sa_type=BigInteger)
    record_id: int = Field(sa_type=BigInteger)
    recalculation_id: int = Field(sa_type=BigInteger)
    entered: bool
    since_id: int | None = Field(default=None, sa_type=BigInteger)


class AuditEntry(SQLModel, table=True):
    """One change made through segctl."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        sa.Index("audit_entry_subject", "subject_type", "subject"),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    at: dt.datetime = Field(sa_type=Instant)
    actor: str
    action: str
    subject_type: str
    subject: str
    before: Any = Field(default=None, sa_type=Json)
    after: Any = Field(default=None, sa_type=Json)


class TraceMark(SQLModel, table=True):
    """A place in the trace and when it was passed, so that the trace can be pruned by age.

    `position` is a trace id on SQLite and a transaction id on Postgres. `pruned`: everything
    before it is gone, and a watermark from before it is too old.
    """

    __tablename__ = "trace_mark"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = key_column()
    at: dt.datetime = Field(sa_type=Instant)
    position: int = Field(sa_type=sa.BigInteger)
    pruned: bool = False
