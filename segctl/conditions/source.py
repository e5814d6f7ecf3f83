"""The text of a condition, and the error that points at a part of it."""

from dataclasses import dataclass
import re
from typing import Any

from segctl.conditions.limits import MAX_BYTES
from segctl.errors import ConditionError

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Source:
    """A text that passed the checks on its size and characters."""

    text: str

    def slice(self, start: int, end: int, longest: int = 60) -> str:
        """The words between two places on one line, shortened for a message or a hint."""
        words = " ".join(self.text[start : min(end, start + 4 * longest)].split())
        return words if len(words) <= longest else words[: longest - 1] + "…"

    def error(
        self, start: int, end: int, message: str, hint: str | None = None, **fields: Any
    ) -> ConditionError:
        """The error that points at text[start:end]."""
        return ConditionError(message, text=self.text, start=start, end=end, hint=hint, **fields)


def check_source(text: str) -> Source:
    """Refuse what is too long before anything else looks at it, and what no store can keep."""
    # A code point is at least one byte, so the cheap comparison goes first.
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConditionError(
            f"a condition is at most {MAX_BYTES // 1024} KiB long",
            hint='put parts of it into segments of their own and refer to them with in segment "…"',
            limit="bytes",
        )
    source = Source(text)
    if found := _UNSTORABLE.search(text):
        what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
        raise source.error(
            found.start(), found.end(), f"a condition cannot contain {what} (U+{ord(found[0]):04X})"
        )
    return source
