"""How a daemon runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segctl.catalog import ObjectType
from segctl.config_hooks import Hook
from segctl.daemon.lanes import LaneName
from segctl.engine.lease import LEASE_TIME
from segctl.store.opening import BUSY_TIMEOUT, CONNECT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Options:
    """How a daemon runs. `secrets` are those of the hooks, by name; None stands for a missing one.

    `environ` is what hooks that are commands inherit. `lease_seconds` is how long a daemon that
    died keeps others waiting.
    """

    lanes: Sequence[LaneName] = tuple(LaneName)
    type: ObjectType | None = None
    hooks: Sequence[Hook] = ()
    secret: Callable[[Hook], str | None] = lambda hook: None
    environ: Mapping[str, str] = field(default_factory=dict)
    actor: str = "daemon"
    busy_timeout: float = BUSY_TIMEOUT
    connect_timeout: float = CONNECT_TIMEOUT
    lease_seconds: float = LEASE_TIME
    metrics_address: tuple[str, int] | None = None
    metrics_file: Path | None = None
