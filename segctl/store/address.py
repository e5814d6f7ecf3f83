"""The address of a store: which database a URL means, and how to show it without its secrets."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from segctl.config import redacted
from segctl.errors import UsageError

_SECRETS = frozenset({"password", "sslpassword"})
_FORMS = "sqlite:///path/to/file, a plain file path, or postgresql://user@host/database"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """`path` is absolute; None is a database in memory."""

    path: Path | None

    def __str__(self) -> str:
        return str(self.path) if self.path else "memory"


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """`url` holds the password; str() and repr() do not."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return redacted(self.url)


Address = SqliteAddress | PostgresAddress


def parse_address(url: str) -> Address:
    """Read a store URL or a file path; UsageError says what is wrong with it."""
    text = url.strip()
    if not text or "\0" in text:
        raise UsageError(
            "the store's address is empty" if not text else "the store's address holds a NUL byte"
        )
    scheme, found, rest = text.partition("://")
    if not found:
        return SqliteAddress(Path(text).expanduser().absolute())
    match scheme.lower():
        case "sqlite" if rest in ("", "/", "/:memory:"):
            return SqliteAddress(None)
        case "sqlite" if rest.startswith("/"):
            path, _, query = rest[1:].partition("?")
            if query:
                raise UsageError(
                    f"a SQLite store takes no options after ? in its address: ?{query}"
                )
            return SqliteAddress(Path(unquote(path)).expanduser().absolute())
        case "sqlite":
            raise UsageError(
                f"sqlite://{rest} names a host, and SQLite has none",
                hint="write three slashes: sqlite:///" + rest,
            )
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return _postgres(rest)
    raise UsageError(f'a store cannot be opened by "{scheme}://"', hint="a store is " + _FORMS)


def _postgres(rest: str) -> PostgresAddress:
    authority = rest.partition("?")[0].partition("/")[0]
    if authority.count("@") > 1 or "#" in rest:
        # Never shown: whoever reads the parts may take a piece of the password for the host.
        raise UsageError(
            "the store's address cannot be read: its password holds a character that separates "
            "its parts",
            hint="write @ as %40, / as %2F and # as %23, or keep the password in ~/.pgpass",
        )
    url = "postgresql://" + rest
    try:
        parts = urlsplit(url)
        _ = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        raise UsageError(
            "the store's address is not a URL of a Postgres database", hint="it is " + _FORMS
        ) from None
    if not parts.path.strip("/") and "dbname" not in options:
        raise UsageError(
            "the store's address names no database",
            hint="write it at the end: postgresql://user@host/database",
        )
    raw = [parts.password or "", *(options.get(name, "") for name in _SECRETS)]
    secrets = tuple({form for secret in raw if secret for form in (secret, unquote(secret))})
    return PostgresAddress(url, secrets)


def without_secrets(url: str) -> tuple[str, str | None]:
    """The URL without its password, and the password (None if it has none)."""
    address = parse_address(url)
    if not isinstance(address, PostgresAddress):
        return url, None
    parts = urlsplit(address.url)
    password = parts.password
    if password is None:
        return url, None
    user = quote(unquote(parts.username or ""), safe="")
    host = parts.netloc.rpartition("@")[2]
    plain = urlunsplit(
        (parts.scheme, f"{user}@{host}" if user else host, parts.path, parts.query, "")
    )
    return plain, unquote(password)
