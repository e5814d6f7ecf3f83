"""The hooks of the config file: who is told when the members of a segment change.

    [[hooks]]
    name = "crm"
    webhook = "https://crm.example/segments"
    secret_env = "CRM_SECRET"
    segments = ["Big deals"]

A command comes from nowhere else: whoever may write the store must not run programs by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from segctl.errors import ConfigError, did_you_mean

TIMEOUT = 30.0
"""Seconds that a hook may take, unless it says otherwise."""
ATTEMPTS = 10
"""How often a delivery is tried, unless the hook says otherwise."""
LONGEST = 3600.0

KNOWN = "name on_change webhook segments type secret_env secret_file timeout attempts".split()


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook: a command or a webhook. Without `segments` and `type` it hears of all segments.

    `timeout` is in seconds. `folder` is that of the config file: where the command runs and where a
    relative `secret_file` starts.
    """

    name: str
    command: tuple[str, ...]
    webhook: str | None
    segments: tuple[str, ...]
    type: str | None
    secret_env: str | None
    secret_file: str | None
    timeout: float
    attempts: int
    folder: Path

    @property
    def target(self) -> str:
        """What is called, fit to be shown: of an address neither user, password nor query."""
        if self.webhook is None:
            return " ".join(self.command)
        parts = urlsplit(self.webhook)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def read_hooks(given: object, file: Path) -> tuple[Hook, ...]:
    """The hooks of a config file's table; ConfigError names the hook and what is wrong."""
    where = f"the config file {file}"
    if not isinstance(given, list) or not all(isinstance(table, dict) for table in given):
        raise ConfigError(f"{where}: hooks are tables", hint="write [[hooks]]", path=str(file))
    hooks: list[Hook] = []
    for number, table in enumerate(given, start=1):
        taken = [hook.name for hook in hooks]
        hook = _hook(table, f"{where}, hook {number}", file, taken)
        if hook.name in taken:
            raise ConfigError(
                f'{where}, hook {number}: there is a hook "{hook.name}" already',
                hint="give it another name",
                path=str(file),
            )
        hooks.append(hook)
    return tuple(hooks)


def secret_of(hook: Hook, environ: Mapping[str, str]) -> str | None:
    """What the hook's deliveries are signed with, None for nothing; ConfigError if it is missing.

    Asked for when something is delivered, so that no other command needs the secret.
    """
    if hook.secret_env is not None:
        if environ.get(hook.secret_env):
            return environ[hook.secret_env]
        raise ConfigError(
            f'the hook "{hook.name}": the variable {hook.secret_env} with its secret is not set'
        )
    if hook.secret_file is not None:
        path = hook.folder / hook.secret_file
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError(
                f'the hook "{hook.name}": its secret file {path} cannot be read: {reason}'
            ) from error
        if secret:
            return secret
        raise ConfigError(f'the hook "{hook.name}": its secret file {path} is empty')
    return None


def _hook(table: Mapping[str, Any], where: str, file: Path, taken: list[str]) -> Hook:
    for key in table:
        if key not in KNOWN:
            raise ConfigError(
                f'{where}: there is no setting "{key}"',
                hint=did_you_mean(key, KNOWN) or "the settings are " + ", ".join(KNOWN),
                path=str(file),
            )
    if ("on_change" in table) == ("webhook" in table):
        raise ConfigError(
            f"{where}: it needs on_change or webhook, and not both",
            hint='on_change = ["command", "word"] or webhook = "https://…"',
            path=str(file),
        )
    if "secret_env" in table and "secret_file" in table:
        raise ConfigError(f"{where}: give secret_env or secret_file, not both", path=str(file))
    command = _texts(table, "on_change", where)
    webhook = _text(table, "webhook", where)
    if webhook is not None:
        parts = _split(webhook, where)
        suggested = parts.hostname or "webhook"
    else:
        suggested = PurePath(command[0]).stem or "command"
    return Hook(
        name=_text(table, "name", where) or _free(suggested, taken),
        command=command,
        webhook=webhook,
        segments=_texts(table, "segments", where),
        type=_text(table, "type", where),
        secret_env=_text(table, "secret_env", where),
        secret_file=_text(table, "secret_file", where),
        timeout=_number(table, "timeout", where, TIMEOUT, LONGEST),
        attempts=round(_number(table, "attempts", where, ATTEMPTS, 1000)),
        folder=file.parent,
    )


def _free(name: str, taken: list[str]) -> str:
    """The name, with a number if there is one like it."""
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _split(address: str, where: str) -> Any:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{where}: webhook is not an address such as https://host/path")
    return parts


def _text(table: Mapping[str, Any], key: str, where: str) -> str | None:
    if key not in table:
        return None
    value = table[key]
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ConfigError(f"{where}: {key} must be text")


def _texts(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    texts = [value] if isinstance(value, str) and key == "segments" else value
    good = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    if good and (key not in table or (texts and texts[0].strip())):
        return tuple(texts)
    raise ConfigError(f'{where}: {key} must be a list of words, such as ["a", "b"]')


def _number(table: Mapping[str, Any], key: str, where: str, default: float, most: float) -> float:
    value = table.get(key, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= most:
        return float(value)
    raise ConfigError(f"{where}: {key} must be a number from 1 to {most:g}")
