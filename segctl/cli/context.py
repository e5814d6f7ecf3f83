"""What the global options, the environment and the config file say, for the command that runs.

One Invocation stands for one run of the program; `main` starts it, every command asks it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
import datetime as dt
import getpass
import os
from pathlib import Path
import socket
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from segctl.config import Settings, load
from segctl.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from segctl.store.glance import Glance
    from segctl.store.opening import Store


@dataclass
class Invocation:
    """The global options as given; None where one was not. Settings are read when first needed."""

    config: Path | None = None
    store: str | None = None
    actor: str | None = None
    no_color: bool | None = None
    quiet: bool = False
    verbose: int = 0
    stopped_by: int | None = None
    """The signal that was received."""
    _settings: Settings | None = field(default=None, repr=False)

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            flags: dict[str, str | bool | None] = {
                "store": self.store,
                "actor": self.actor,
                "no_color": self.no_color or None,
            }
            self._settings = load(flags, os.environ, Path.cwd(), Path.home(), self.config)
        return self._settings

    def set(self, name: str, value: object) -> None:
        """An option that was given after the command's name."""
        setattr(self, name, value)
        self._settings = None


_current: ContextVar[Invocation] = ContextVar("invocation")


def begin() -> Invocation:
    """Start a run."""
    invocation = Invocation()
    _current.set(invocation)
    return invocation


def current() -> Invocation:
    try:
        return _current.get()
    except LookupError:
        return begin()


def settings() -> Settings:
    return current().settings


def store_url() -> str:
    """The address of the store; ConfigError if none is known."""
    url = settings().text("store")
    if url is None:
        raise ConfigError(
            "no store is configured here",
            hint="segctl init makes one, --store or SEGCTL_STORE names another",
        )
    return url


@contextmanager
def store() -> Iterator["Store"]:
    """The store of this run, opened and, at the end, closed."""
    from segctl.store.opening import open_store

    opened = open_store(
        store_url(),
        busy_timeout=settings().seconds("busy_timeout"),
        connect_timeout=settings().seconds("connect_timeout"),
    )
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def glance() -> Iterator["Glance"]:
    """A look at the store of this run that starts fast; see store/glance.py."""
    from segctl.store.glance import glance

    with glance(
        store_url(),
        busy_timeout=settings().seconds("busy_timeout"),
        connect_timeout=settings().seconds("connect_timeout"),
    ) as seen:
        yield seen


def now(at: str | None = None, zone: dt.tzinfo | None = None) -> dt.datetime:
    """The clock, or the instant that `--at` names. Aware, UTC.

    A time without an offset is in `zone` (the workspace's; without one, the zone of tables).
    """
    if at is None:
        return dt.datetime.now(dt.UTC)
    text = at.strip()
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            local = zone or display_zone()
            moment = moment.replace(tzinfo=local) if local else moment.astimezone()
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f'--at: "{at}" is not a time',
            hint="write 2026-01-31, 2026-01-31T10:00 or 2026-01-31T10:00Z",
        ) from error


def display_zone() -> dt.tzinfo | None:
    """The zone of the times in tables; None stands for the machine's own."""
    name = settings().text("timezone")
    return ZoneInfo(name) if name else None


def actor() -> str:
    """Who makes the change: --actor, SEGCTL_ACTOR, the config file, else user@host."""
    given = settings().text("actor")
    if given:
        return given
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def quiet() -> bool:
    return current().quiet


def verbose() -> int:
    return current().verbose
