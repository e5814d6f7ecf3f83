"""Settings: a flag beats the environment, the environment beats the file, the file the default.

What changes members lives in the store (`segctl workspace`), not here: a config file holds the
store's address and what one process wants for itself. Nothing here reads the real environment;
`load` is given it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
import re
from typing import Any
from zoneinfo import ZoneInfo

from segctl.config_hooks import Hook, read_hooks
from segctl.config_serve import Chatwoot, Serve, read_chatwoot, read_serve
from segctl.errors import ConfigError, did_you_mean

FILE_NAME = "segctl.toml"


class Kind(StrEnum):
    """What a setting's value may be."""

    TEXT = "text"
    ADDRESS = "address"
    """Text that may hold a password; it is shown without."""
    SECONDS = "seconds"
    SWITCH = "switch"
    ZONE = "zone"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name in the file, its variable in the environment, its default."""

    name: str
    kind: Kind
    variable: str
    default: str | float | bool | None
    help: str


KEYS: tuple[Key, ...] = (
    Key(
        "store",
        Kind.ADDRESS,
        "SEGCTL_STORE",
        None,
        "The store: a path, sqlite:///path or postgresql://user:password@host/database. "
        "A relative path starts at this file.",
    ),
    Key(
        "actor",
        Kind.TEXT,
        "SEGCTL_ACTOR",
        None,
        "Who makes the changes, for the audit trail. Default: the user of the system.",
    ),
    Key(
        "output",
        Kind.FORMAT,
        "SEGCTL_OUTPUT",
        "table",
        "The output format of commands that list: table, json, ndjson, csv, ids or count.",
    ),
    Key(
        "timezone",
        Kind.ZONE,
        "SEGCTL_TIMEZONE",
        None,
        "The zone of the times in tables, an IANA name. Default: the zone of the machine. "
        "Conditions use the workspace's own zone instead.",
    ),
    Key(
        "busy_timeout",
        Kind.SECONDS,
        "SEGCTL_BUSY_TIMEOUT",
        10.0,
        "How many seconds to wait for a lock of another process before giving up (exit code 75).",
    ),
    Key(
        "connect_timeout",
        Kind.SECONDS,
        "SEGCTL_CONNECT_TIMEOUT",
        5.0,
        "How many seconds a Postgres server may take to answer.",
    ),
    Key(
        "no_color",
        Kind.SWITCH,
        "SEGCTL_NO_COLOR",
        False,
        "No colours on a terminal. The variable NO_COLOR does the same.",
    ),
)
FORMATS = ("table", "json", "ndjson", "csv", "ids", "count")
_BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
_INDIRECT: Mapping[str, tuple[Key, str]] = {
    f"{key.name}_{way}": (key, way)
    for key in KEYS
    if key.kind is Kind.ADDRESS
    for way in ("env", "file")
}
KNOWN_NAMES = (*_BY_NAME, *_INDIRECT, "hooks", "serve", "chatwoot")
"""Every key that a config file may hold."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and where it comes from: a flag, the environment, a file, `default`."""

    key: Key
    value: str | float | bool | None
    source: str

    @property
    def shown(self) -> str | float | bool | None:
        """The value with secrets taken out."""
        if self.key.kind is Kind.ADDRESS and isinstance(self.value, str):
            return redacted(self.value)
        return self.value


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of this process. `file` is the config file that was read, if any."""

    file: Path | None
    values: Mapping[str, Setting]
    hooks: tuple[Hook, ...] = ()
    serve: Serve = field(default_factory=Serve)
    chatwoot: Chatwoot = field(default_factory=Chatwoot)

    def text(self, name: str) -> str | None:
        value = self.values[name].value
        return None if value is None else str(value)

    def seconds(self, name: str) -> float:
        return float(self.values[name].value or 0)

    def switch(self, name: str) -> bool:
        return bool(self.values[name].value)


def load(
    flags: Mapping[str, str | bool | None],
    environ: Mapping[str, str],
    folder: Path,
    home: Path,
    file: Path | None = None,
) -> Settings:
    """The settings that hold in `folder`. ConfigError names the file or variable and the reason.

    `file` is what `--config` names; without it the nearest segctl.toml from `folder` upward is
    read, then the one in the user's config folder.
    """
    named = file or (Path(environ["SEGCTL_CONFIG"]) if environ.get("SEGCTL_CONFIG") else None)
    if named is not None and not named.is_file():
        raise ConfigError(f"there is no config file {named}", path=str(named))
    found = named or find(folder, environ, home)
    table = _read(found) if found else {}
    values = {key.name: _setting(key, flags, environ, table, found) for key in KEYS}
    if environ.get("NO_COLOR") and values["no_color"].source == "default":
        values["no_color"] = Setting(_BY_NAME["no_color"], True, "environment NO_COLOR")
    hooks = read_hooks(table["hooks"], found) if found and "hooks" in table else ()
    serve = read_serve(table["serve"], found) if found and "serve" in table else Serve()
    chatwoot = Chatwoot()
    if found and "chatwoot" in table:
        chatwoot = read_chatwoot(table["chatwoot"], found)
    return Settings(found, values, hooks, serve, chatwoot)


def user_file(environ: Mapping[str, str], home: Path) -> Path:
    """The config file of the user, whether it exists or not."""
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else home / ".config") / "segctl" / FILE_NAME


def find(folder: Path, environ: Mapping[str, str], home: Path) -> Path | None:
    """The config file that holds in `folder`: the nearest one upward, else the user's."""
    for place in (folder, *folder.parents):
        if (place / FILE_NAME).is_file():
            return place / FILE_NAME
    own = user_file(environ, home)
    return own if own.is_file() else None


def redacted(text: str) -> str:
    """A store address without its password, however oddly that is written."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    # The last @, not the first: a password may hold @, / and # although it should not.
    userinfo, at, place = rest.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    place = re.sub(r"(?i)\b(\w*password|passfile)=[^&]*", r"\1=***", place)
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"the config file {path} cannot be read: {reason}", path=str(path)
        ) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"the config file {path} is not valid TOML: {error}", path=str(path)
        ) from error
    for name in table:
        if name not in KNOWN_NAMES:
            raise ConfigError(
                f"the config file {path}, line {_line_of(text, name)}: "
                f'there is no setting "{name}"',
                hint=did_you_mean(name, KNOWN_NAMES)
                or "the settings are " + ", ".join(KNOWN_NAMES),
                path=str(path),
            )
    for key in KEYS:
        given = [
            name for name in (key.name, f"{key.name}_env", f"{key.name}_file") if name in table
        ]
        if len(given) > 1:
            raise ConfigError(
                f"the config file {path} gives {' and '.join(given)}: only one of them can hold",
                path=str(path),
            )
    return table


def _line_of(text: str, name: str) -> int:
    """The line on which a top-level key or table first stands."""
    start = re.compile(rf"""\s*\[*\s*["']?{re.escape(name)}["']?\s*[=.\]]""")
    for number, line in enumerate(text.splitlines(), start=1):
        if start.match(line):
            return number
    return 1


def _setting(
    key: Key,
    flags: Mapping[str, str | bool | None],
    environ: Mapping[str, str],
    table: Mapping[str, Any],
    file: Path | None,
) -> Setting:
    flag = flags.get(key.name)
    if flag is not None:
        option = "--" + key.name.replace("_", "-")
        return Setting(key, _value(key, flag, f"the flag {option}"), f"flag {option}")
    # An empty variable counts as not set, as everywhere in Unix.
    if environ.get(key.variable):
        source = f"environment {key.variable}"
        return Setting(
            key, _value(key, environ[key.variable], f"the variable {key.variable}"), source
        )
    if key.kind is Kind.ADDRESS and environ.get(f"{key.variable}_FILE"):
        variable = f"{key.variable}_FILE"
        return Setting(
            key, _secret_of_file(Path(environ[variable]), variable), f"environment {variable}"
        )
    if file is not None:
        if key.name in table:
            value = _value(key, table[key.name], f'the config file {file}: "{key.name}"')
            if key.name == "store" and isinstance(value, str):
                value = _from_folder(value, file.parent)
            return Setting(key, value, str(file))
        if f"{key.name}_env" in table:
            variable = str(table[f"{key.name}_env"])
            if not environ.get(variable):
                raise ConfigError(
                    f'the config file {file}: "{key.name}_env" names the variable {variable}, '
                    "which is not set",
                    path=str(file),
                )
            return Setting(key, environ[variable], f"{file} ({key.name}_env {variable})")
        if f"{key.name}_file" in table:
            path = file.parent / str(table[f"{key.name}_file"])
            where = f'the config file {file}: "{key.name}_file"'
            return Setting(key, _secret_of_file(path, where), f"{file} ({key.name}_file {path})")
    return Setting(key, key.default, "default")


def _secret_of_file(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"{where}: the file {path} cannot be read: {reason}", path=str(path)
        ) from error


def _from_folder(address: str, folder: Path) -> str:
    """An SQLite address of a config file, its relative path made to start at the file's folder."""
    if address.startswith("sqlite:///"):
        path, question, query = address.removeprefix("sqlite:///").partition("?")
        return f"sqlite:///{folder / path}{question}{query}" if path else address
    if "://" in address:
        return address
    return str(folder / Path(address).expanduser())


def _value(key: Key, given: object, where: str) -> str | float | bool:
    """`given`, checked against the key's kind."""
    match key.kind:
        case Kind.TEXT | Kind.ADDRESS:
            if isinstance(given, str) and given.strip():
                return given.strip()
            raise ConfigError(f"{where} must be text")
        case Kind.SECONDS:
            try:
                seconds = float(given) if not isinstance(given, bool) else -1.0  # type: ignore[arg-type]
            except (TypeError, ValueError):
                seconds = -1.0
            if 0 <= seconds <= 86_400:
                return seconds
            raise ConfigError(f"{where} must be a number of seconds from 0 to 86400")
        case Kind.SWITCH:
            words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
            switch = words.get(str(given).lower())
            if switch is None:
                raise ConfigError(f"{where} must be true or false")
            return switch
        case Kind.ZONE:
            try:
                ZoneInfo(str(given))
            except (OSError, ValueError, KeyError) as error:
                raise ConfigError(
                    f'{where}: there is no time zone "{given}"',
                    hint='use a name such as "Europe/Warsaw"',
                ) from error
            return str(given)
        case Kind.FORMAT:
            if given in FORMATS:
                return str(given)
            raise ConfigError(
                f'{where}: there is no output format "{given}"',
                hint=did_you_mean(str(given), FORMATS) or "the formats are " + ", ".join(FORMATS),
            )
