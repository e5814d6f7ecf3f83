"""What a daemon tells while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import datetime as dt
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What happened."""

    STARTED = "started"
    RECALCULATED = "recalculated"
    FAILED = "failed"
    PARKED = "parked"
    """It failed too often and waits for segctl retry."""
    HALTED = "stopped_segment"
    """Its condition cannot be read, and it waits until that is edited."""
    TAKEN_OVER = "taken_over"
    """Leases that another process left behind."""
    STORE_LOST = "store_lost"
    STORE_BACK = "store_back"
    CLOCK_CHANGED = "clock_changed"
    HOOK_DELIVERED = "hook_delivered"
    HOOK_FAILED = "hook_failed"
    HOOK_DEAD = "hook_dead"
    """A delivery was given up and waits for segctl hooks retry."""
    PRUNED = "pruned"
    WARNING = "warning"
    STOPPING = "stopping"
    STOPPED = "stopped"


BAD = (Kind.FAILED, Kind.PARKED, Kind.HALTED, Kind.STORE_LOST, Kind.HOOK_FAILED, Kind.HOOK_DEAD)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `text` for people, `fields` for programs."""

    at: dt.datetime
    kind: Kind
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Tell = Callable[[Event], None]
