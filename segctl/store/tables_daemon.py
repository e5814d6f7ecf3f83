"""The tables of what happens by itself: daemons, the schedule's exceptions, the outbox of hooks.

Plain rows like those of tables.py.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from segctl.store.tables import BigInteger, key_column
from segctl.store.types import Instant, Json


class Daemon(SQLModel, table=True):
    """A daemon that runs or ran. `heartbeat_at` is by the clock of the store.

    `running` lists what it recalculates now, `counters` what it has done since it started.
    """

    __tablename__ = "daemon"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = key_column()
    owner: str
    host: str
    pid: int
    version: str
    lanes: str
    object_type: str | None = None
    started_at: dt.datetime = Field(sa_type=Instant)
    heartbeat_at: dt.datetime = Field(sa_type=Instant)
    stopped_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    running: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    counters: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


class SegmentSchedule(SQLModel, table=True):
    """Why a segment is not due when its interval says so; without a row, the interval alone counts.

    A recalculation that succeeds deletes the row. `due_at` stands for the interval where the clock
    was set back. `retry_at` follows a failure, `parked_at` says that nobody tries again by himself.
    `definition_hash` and `catalog_version` are those that failed: others may do better. `held_at`:
    its last runs were undone, and nobody recalculates it before a person says so.
    """

    __tablename__ = "segment_schedule"

    segment_id: int = Field(
        sa_column=sa.Column(
            BigInteger, sa.ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True
        )
    )
    due_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    attempted_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    retry_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    parked_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    failures: int = 0
    error_class: str | None = None
    error: str | None = None
    definition_hash: str | None = None
    catalog_version: int | None = None
    held_at: dt.datetime | None = Field(default=None, sa_type=Instant)


class HookDelivery(SQLModel, table=True):
    """A hook that is to hear of a run, written in the transaction of the run.

    `next_attempt_at` is NULL once it was delivered or given up. Whoever delivers puts it off
    first, so that another tries again if he does not come back.
    """

    __tablename__ = "hook_delivery"
    __table_args__ = (
        sa.Index("hook_delivery_next", "next_attempt_at"),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    hook: str
    segment_id: int = Field(
        sa_column=sa.Column(
            BigInteger,
            sa.ForeignKey("segment.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        )
    )
    recalculation_id: int = Field(sa_type=BigInteger)
    created_at: dt.datetime = Field(sa_type=Instant)
    attempts: int = 0
    next_attempt_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    dead_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    last_error: str | None = None
