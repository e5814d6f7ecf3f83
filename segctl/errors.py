"""The error tree and the exit codes.

Every failure that a person can mend is a SegctlError: a message, the fields that a program wants
(`-o json` prints them) and a hint with the next thing to do. It is raised anywhere, caught in one
place (`cli/main.py`). Anything else is a bug and shows its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """What the process says to the shell."""

    OK = 0
    """Done."""
    FAILED = 1
    """It could not be done."""
    USAGE = 2
    """Wrong usage, a bad condition or a bad file."""
    PARTIAL = 3
    """Some of a batch failed or was skipped; the rest is done."""
    GUARD = 4
    """A guard stopped it: too large a change, or something is still in use."""
    NOT_FOUND = 5
    """There is no such thing."""
    CHECK = 6
    """A check says no."""
    BUSY = 75
    """Another process holds what is needed; trying later helps."""
    INTERRUPTED = 130
    """Ctrl-C."""
    BROKEN_PIPE = 141
    """The program that read the output has gone, as `| head` does."""
    TERMINATED = 143
    """SIGTERM."""


class SegctlError(Exception):
    """Something a person can mend.

    `message` is one clear sentence or two; `hint` is the next command or the nearest name;
    `fields` are plain JSON values. The class attribute `code` is stable and for machines.
    """

    exit_code = ExitCode.FAILED
    code = "failed"

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __str__(self) -> str:
        return self.message

    @property
    def described(self) -> dict[str, Any]:
        """What programs are told of it, as plain JSON values."""
        return {"code": self.code, "message": self.message, "hint": self.hint} | self.fields


class UsageError(SegctlError):
    """The words of the call are off."""

    exit_code = ExitCode.USAGE
    code = "usage"


class ConfigError(UsageError):
    """The config file or the environment is off."""

    code = "config"


class FileError(UsageError):
    """A file that was given cannot be read, parsed or written."""

    code = "file"


class ConditionError(UsageError):
    """A condition that cannot be accepted; knows the text and the place.

    `start` and `end` are offsets in code points into `text`, end exclusive.
    """

    code = "condition"

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        start: int = 0,
        end: int = 0,
        hint: str | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message, hint=hint, **fields)
        self.text = text
        self.start = start
        self.end = end

    @property
    def described(self) -> dict[str, Any]:
        place = {"text": self.text, "start": self.start, "end": self.end}
        start = {"code": self.code, "message": self.message, "hint": self.hint}
        return start | place | self.fields


class SetError(ConditionError):
    """An expression over segments that cannot be accepted; knows the text and the place."""

    code = "set"


class InvalidValue(UsageError):
    """A value does not fit its attribute."""

    code = "value"


class NotFound(SegctlError):
    """There is no such segment, record, attribute, …"""

    exit_code = ExitCode.NOT_FOUND
    code = "not_found"


class AlreadyExists(SegctlError):
    """The name is taken."""

    code = "exists"


class InUse(SegctlError):
    """Something still refers to it; fields["used_by"] lists what."""

    exit_code = ExitCode.GUARD
    code = "in_use"


class GuardStopped(SegctlError):
    """A guard stopped a change before it was made."""

    exit_code = ExitCode.GUARD
    code = "guard"


class Held(GuardStopped):
    """The segment's last runs were undone; it waits for `segctl retry`."""

    code = "held"


class Cancelled(SegctlError):
    """Somebody stopped the recalculation with `segctl cancel`."""

    code = "cancelled"


class Busy(SegctlError):
    """Another process holds the lease or the lock."""

    exit_code = ExitCode.BUSY
    code = "busy"


class CheckFailed(SegctlError):
    """A check says no."""

    exit_code = ExitCode.CHECK
    code = "check"


class PartlyFailed(SegctlError):
    """Some of a batch failed; fields["failed"] lists which and why."""

    exit_code = ExitCode.PARTIAL
    code = "partial"


class StoreError(SegctlError):
    """The store does not answer, is full, read-only or damaged."""

    code = "store"


class StoreVersionError(StoreError):
    """The store's schema is of another version than this segctl."""

    code = "store_version"


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """`did you mean "x"?` for the nearest known word, or None."""
    folded = {k.lower(): k for k in known}
    close = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return f'did you mean "{folded[close[0]]}"?' if close else None
