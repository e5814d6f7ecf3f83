"""A finding: what is wrong with what, and the command that mends it."""

from dataclasses import dataclass
import hashlib
import shlex

from segctl.catalog import ObjectType
from segctl.services.doctor.codes import CODES, Code, Level
from segctl.services.segment_views import SegmentView


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` and `subject` say what it is about: a `segment`, a `rule`, a `hook`, the `store`, …

    `type` and `id` are those of a segment. `command` mends it, or leads there; None if a person has
    to think first. `safe`: doctor --fix does it.
    """

    code: Code
    kind: str
    subject: str
    message: str
    type: ObjectType | None = None
    id: int | None = None
    command: str | None = None
    safe: bool = False

    @property
    def level(self) -> Level:
        return self.code.level

    @property
    def place(self) -> str:
        """`"Big deals" (deal)`, `rule 3`, `the store`."""
        if self.kind == "store":
            return "the store"
        if self.kind == "segment":
            return f'"{self.subject}" ({self.type})'
        return f"{self.kind} {self.subject}"

    @property
    def fingerprint(self) -> str:
        """The same for the same finding at another time, whatever numbers its message holds."""
        name = f"#{self.id}" if self.id is not None else self.subject
        key = "\n".join((self.code.name, self.kind, self.type or "", name))
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def of_segment(
    code: str, segment: SegmentView, message: str, *verb: str, safe: bool = False, after: str = ""
) -> Finding:
    """A finding about a segment; `verb` are the words before its name in the mending command."""
    command = f"segctl {' '.join(verb)} {named(segment)}{after}" if verb else None
    return Finding(
        CODES[code],
        "segment",
        segment.name,
        message,
        segment.type,
        segment.id,
        FIX if safe else command,
        safe,
    )


def of_store(
    code: str, message: str, command: str | None = None, *, safe: bool = False, subject: str = ""
) -> Finding:
    """A finding about the store, or about a part of it that `subject` names."""
    kind = "table" if subject else "store"
    return Finding(CODES[code], kind, subject, message, command=FIX if safe else command, safe=safe)


def named(segment: SegmentView) -> str:
    """A segment's name as a word of a shell, whatever is in it."""
    if any(not character.isprintable() for character in segment.name):
        return f"'#{segment.id}'"
    return shlex.quote(segment.name)


FIX = "segctl doctor --fix"
