"""What a running server was told: addresses, limits, secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import datetime as dt

from segctl.config_hooks import Hook


@dataclass(frozen=True, slots=True)
class ChatwootSettings:
    """The Chatwoot account that is served. `webhook_secret` None: its webhooks are refused.

    `token` None: nothing is assigned back. `retry_seconds` is the first pause between two tries,
    each next one is twice as long.
    """

    webhook_secret: str | None = field(default=None, repr=False)
    url: str | None = None
    account_id: int | None = None
    token: str | None = field(default=None, repr=False)
    agents: Mapping[str, int] = field(default_factory=dict)
    teams: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 8
    retry_seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`token` is what every client has to show. `timeout` is in seconds, `max_body` in bytes."""

    store_url: str = field(repr=False)
    token: str = field(repr=False)
    actor: str
    host: str = "127.0.0.1"
    port: int = 8787
    timeout: float = 30.0
    max_body: int = 1_000_000
    max_page: int = 1000
    workers: int = 4
    busy_timeout: float = 10.0
    connect_timeout: float = 5.0
    hooks: Sequence[Hook] = ()
    chatwoot: ChatwootSettings = ChatwootSettings()


def clock() -> dt.datetime:
    """The time of a request. Services are given it."""
    return dt.datetime.now(dt.UTC)
