"""What an operator decides of the data layer, as code passes it on."""

from collections.abc import Callable
from dataclasses import dataclass

from catalog.model import Resources


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many pods a service has, and what each container of them gets."""

    replicas: int
    resources: Resources
    sidecars: dict[str, Resources]


Sizes = Callable[[str], Size]
"""id of catalog/services.yaml -> its size."""


@dataclass(frozen=True, kw_only=True)
class SqlOptions:
    """One PostgreSQL cluster."""

    storage: str
    """Of each member's volume, as Kubernetes writes it."""
    synchronous: bool
    """Whether a write waits until a second member has it."""
    max_connections: int
    pool: int
    """Server connections of each client, per pod of a pooler."""
    clients: int
    """Services that may have a database."""


@dataclass(frozen=True, kw_only=True)
class RedisOptions:
    """Redis."""

    storage: str
    cache: bool
    """Whether the least used keys go when memory is full; else writes are refused."""
    clients: int


@dataclass(frozen=True, kw_only=True)
class ObjectsOptions:
    """The object store."""

    storage: str
    clients: int


@dataclass(frozen=True, kw_only=True)
class BackupOptions:
    """When what is backed up, and for how long."""

    archive_s: int
    """Seconds after which the log is archived."""
    full: str
    """As cron has it, like those below."""
    incremental: str
    volumes: str
    restore: str
    keep_days: int


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The whole layer."""

    postgres: SqlOptions
    htm: SqlOptions
    redis: RedisOptions
    objects: ObjectsOptions
    backups: BackupOptions
    passwords: int
    """Generation."""
    keep_volumes: bool
