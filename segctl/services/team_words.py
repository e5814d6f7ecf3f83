"""What team members and groups may be called, and the words of their settings."""

import re
from typing import Final
import unicodedata

from segctl.errors import InvalidValue, did_you_mean
from segctl.services.people import Role
from segctl.services.turns import Strategy

MAX_NAME: Final = 200
MAX_EMAIL: Final = 254
MAX_DESCRIPTION: Final = 10_000

# Only what could not be an address, or could not be told from something else, is refused.
_EMAIL = re.compile(r"""[^@\s,;:<>"()\[\]\\]+@[^@\s,;:<>"()\[\]\\]+""")


def check_email(text: str) -> str:
    """The address in lower case, without blanks around it; InvalidValue if it is none."""
    email = text.strip().lower()
    if not email:
        raise InvalidValue("a team member needs an e-mail address")
    if len(email) > MAX_EMAIL:
        raise InvalidValue(
            f"an e-mail address has at most {MAX_EMAIL} characters, not {len(email)}"
        )
    if not _EMAIL.fullmatch(email) or _control(email) or ".." in email:
        raise InvalidValue(f'"{email}" is not an e-mail address', hint="write anna@example.com")
    return email


def check_name(text: str, of: str) -> str:
    """A name without blanks around it; `of` says whose: "a group", "a team member"."""
    name = text.strip()
    if len(name) > MAX_NAME:
        raise InvalidValue(f"the name of {of} has at most {MAX_NAME} characters, not {len(name)}")
    bad = _control(name)
    if bad is not None:
        raise InvalidValue(f"the name of {of} cannot hold the control character U+{ord(bad):04X}")
    return name


def check_group_name(text: str) -> str:
    name = check_name(text, "a group")
    if not name:
        raise InvalidValue("a group needs a name")
    return name


def check_description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION:
        raise InvalidValue(f"a description has at most {MAX_DESCRIPTION:,} characters")
    if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
        raise InvalidValue("a description cannot hold NUL characters or lone surrogates")
    return text


def role_of(text: str) -> Role:
    """The role that a person named, in any case."""
    word = text.strip().lower()
    try:
        return Role(word)
    except ValueError:
        raise InvalidValue(
            f'there is no role "{text.strip()}"',
            hint=did_you_mean(word, list(Role)) or "the roles are " + " and ".join(Role),
        ) from None


def strategy_of(text: str) -> str | None:
    """The strategy that a person named; None for the empty text: the workspace's own."""
    word = text.strip().lower().replace("-", "_")
    if not word or word in list(Strategy):
        return word or None
    raise InvalidValue(
        f'there is no group strategy "{text.strip()}"',
        hint=did_you_mean(word, list(Strategy)) or "the strategies are " + ", ".join(Strategy),
    )


def _control(text: str) -> str | None:
    """The first character that cannot be shown."""
    return next((c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")), None)
