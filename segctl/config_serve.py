"""What the config file says of `segctl serve` and of the Chatwoot that it serves.

    [serve]
    token_file = "/run/secrets/segctl-token"

    [chatwoot]
    url = "https://chat.example"
    account_id = 1
    token_env = "CHATWOOT_TOKEN"
    webhook_secret_env = "CHATWOOT_WEBHOOK_SECRET"

    [chatwoot.agents]
    "anna@example.com" = 4
    [chatwoot.teams]
    "Sales" = 2

Secrets are asked for when the server starts, so that no other command needs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from segctl.errors import ConfigError, did_you_mean

TOKEN_VARIABLE = "SEGCTL_SERVE_TOKEN"  # noqa: S105  the name of a variable
"""Where the bearer token is looked for if nothing else is said."""
SHORTEST_TOKEN = 16

_SERVE = "host port token_env token_file timeout max_body max_page workers".split()
_CHATWOOT = "url account_id token_env token_file webhook_secret_env webhook_secret_file".split()
_MAPS = ("agents", "teams")


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is: in a variable, or in a file. Never the secret itself."""

    env: str | None = None
    file: Path | None = None

    @property
    def given(self) -> bool:
        return self.env is not None or self.file is not None

    def read(self, environ: Mapping[str, str], what: str) -> str:
        """The secret; ConfigError, which names the place only, if it is missing or empty."""
        if self.env is not None:
            value = environ.get(self.env, "").strip()
            if not value:
                raise ConfigError(f"the variable {self.env} with {what} is not set")
            return value
        assert self.file is not None
        try:
            value = self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError(
                f"the file {self.file} with {what} cannot be read: {reason}"
            ) from error
        if not value:
            raise ConfigError(f"the file {self.file} with {what} is empty")
        return value


@dataclass(frozen=True, slots=True)
class Serve:
    """How the server listens and what it puts up with.

    `timeout` is in seconds, `max_body` in bytes, `max_page` in rows. `workers` work at a time.
    """

    host: str = "127.0.0.1"
    port: int = 8787
    token: Secret = Secret(TOKEN_VARIABLE)
    timeout: float = 30.0
    max_body: int = 1_000_000
    max_page: int = 1000
    workers: int = 4


@dataclass(frozen=True, slots=True)
class Chatwoot:
    """An account of a Chatwoot. Without `url` and `token` nothing is assigned back to it.

    `agents` are Chatwoot's ids of team members by address (in lower case), `teams` those of groups
    by name (as folded by str.casefold).
    """

    url: str | None = None
    account_id: int | None = None
    token: Secret = Secret()
    webhook_secret: Secret = Secret()
    agents: Mapping[str, int] = field(default_factory=dict)
    teams: Mapping[str, int] = field(default_factory=dict)


def read_serve(given: object, file: Path) -> Serve:
    """The [serve] table; ConfigError names the setting and what is wrong."""
    table, where = _table(given, "serve", file, _SERVE)
    plain = Serve()
    return Serve(
        host=_text(table, "host", where) or plain.host,
        port=round(_number(table, "port", where, plain.port, 0, 65_535)),
        token=_secret(table, "token", where, file) or plain.token,
        timeout=_number(table, "timeout", where, plain.timeout, 0.1, 3600),
        max_body=round(_number(table, "max_body", where, plain.max_body, 1000, 100_000_000)),
        max_page=round(_number(table, "max_page", where, plain.max_page, 1, 100_000)),
        workers=round(_number(table, "workers", where, plain.workers, 1, 64)),
    )


def read_chatwoot(given: object, file: Path) -> Chatwoot:
    """The [chatwoot] table; ConfigError names the setting and what is wrong."""
    table, where = _table(given, "chatwoot", file, (*_CHATWOOT, *_MAPS))
    url = _text(table, "url", where)
    if url is not None and not _is_address(url):
        raise ConfigError(f"{where}: url is not an address such as https://chat.example")
    account = None
    if "account_id" in table:
        account = round(_number(table, "account_id", where, 0, 1, 2**53))
    chatwoot = Chatwoot(
        url=None if url is None else url.rstrip("/"),
        account_id=account,
        token=_secret(table, "token", where, file) or Secret(),
        webhook_secret=_secret(table, "webhook_secret", where, file) or Secret(),
        agents={name.lower(): id for name, id in _ids(table, "agents", where).items()},
        teams={name.casefold(): id for name, id in _ids(table, "teams", where).items()},
    )
    back = (chatwoot.url is not None, chatwoot.account_id is not None, chatwoot.token.given)
    if any(back[::2]) and not all(back):
        raise ConfigError(
            f"{where}: assigning back needs url, account_id and token_env or token_file",
            hint="leave out url and token to assign in segctl alone",
        )
    return chatwoot


def _table(
    given: object, name: str, file: Path, known: tuple[str, ...] | list[str]
) -> tuple[Mapping[str, Any], str]:
    where = f"the config file {file}, [{name}]"
    if not isinstance(given, dict):
        raise ConfigError(f"the config file {file}: {name} is a table", hint=f"write [{name}]")
    for key in given:
        if key not in known:
            raise ConfigError(
                f'{where}: there is no setting "{key}"',
                hint=did_you_mean(key, known) or "the settings are " + ", ".join(known),
                path=str(file),
            )
    return given, where


def _secret(table: Mapping[str, Any], name: str, where: str, file: Path) -> Secret | None:
    env = _text(table, f"{name}_env", where)
    path = _text(table, f"{name}_file", where)
    if env is not None and path is not None:
        raise ConfigError(f"{where}: give {name}_env or {name}_file, not both")
    if env is not None:
        return Secret(env)
    return None if path is None else Secret(file=file.parent / Path(path).expanduser())


def _text(table: Mapping[str, Any], key: str, where: str) -> str | None:
    if key not in table:
        return None
    value = table[key]
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ConfigError(f"{where}: {key} must be text")


def _number(
    table: Mapping[str, Any], key: str, where: str, default: float, least: float, most: float
) -> float:
    value = table.get(key, default)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and least <= value <= most:
        return float(value)
    raise ConfigError(f"{where}: {key} must be a number from {least:,g} to {most:,g}")


def _ids(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, int]:
    value = table.get(key, {})
    good = isinstance(value, dict) and all(
        isinstance(id, int) and not isinstance(id, bool) and id > 0 for id in value.values()
    )
    if good:
        return dict(value)
    raise ConfigError(
        f"{where}: {key} gives each name its number in Chatwoot",
        hint=f'[chatwoot.{key}], then lines such as "name" = 4',
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
