"""The settings of the data layer: S5, S6, D4, D5."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from catalog.model import MemoryQuantity, Model, memory_mib
from components.data.options import BackupOptions, DataOptions, ObjectsOptions, RedisOptions, SqlOptions
from components.data.postgres import sizing
from components.data.redis import sizing as redis_sizing
from stacks.wrong import Wrong, WrongValuesError

RPO_S = 300
"""What may be lost between two sites: five minutes."""

_GIB = 1024


class Memory(Model):
    """What each member gets: its settings are made for `request`, up to `limit` it may go."""

    request: MemoryQuantity = "1Gi"
    limit: MemoryQuantity | None = Field(default=None, description="the request, if it is not given")

    @property
    def most(self) -> str:
        """The limit."""
        return self.limit or self.request

    @model_validator(mode="after")
    def _upright(self) -> "Memory":
        if memory_mib(self.most) < memory_mib(self.request):
            allowed = f"no less than request, which is {self.request}"
            raise WrongValuesError([Wrong(("limit",), self.limit, allowed)])
        return self


def _within(memory: Memory, least: int, most: int) -> Memory:
    for name, value in (("request", memory.request), ("limit", memory.most)):
        if not least * _GIB <= memory_mib(value) <= most * _GIB:
            raise WrongValuesError([Wrong((name,), value, f"from {least}Gi to {most}Gi")])
    return memory


class Sql(Model):
    """One PostgreSQL cluster. How many members it has is in `replicas`."""

    memory: Memory = Memory()
    storage: MemoryQuantity = Field(default="10Gi", description="of each member's volume; it can only grow")
    synchronous: bool = Field(default=True, description="whether a write waits until a second member has it")
    max_connections: int = Field(default=300, ge=20, le=2000)
    pool: int = Field(default=5, ge=1, le=100, description="server connections of each client, per pod of a pooler")
    clients: int = Field(default=8, ge=1, le=200, description="services that may have a database")

    @field_validator("memory")
    @classmethod
    def _bounded(cls, memory: Memory) -> Memory:
        return _within(memory, 1, 16)

    def too_many(self, poolers: int) -> Wrong | None:
        """What is too many: connections for the memory, or pools for the connections.

        Args:
            poolers: pods that pool, of both kinds.
        """
        room = sizing.memory_refusal(memory_mib=memory_mib(self.memory.request), max_connections=self.max_connections)
        if room:
            return Wrong(("max_connections",), self.max_connections, room)
        line = sizing.pools_refusal(
            clients=self.clients, pool=self.pool, bouncers=poolers, max_connections=self.max_connections
        )
        return Wrong(("pool",), self.pool, line) if line else None


class RedisUse(StrEnum):
    """What happens when memory is full."""

    CACHE = "cache"
    """The least used keys go."""
    DURABLE = "durable"
    """Writes are refused."""


class Redis(Model):
    """Redis. How many members it has is in `replicas`."""

    memory: Memory = Memory()
    storage: MemoryQuantity = "4Gi"
    use: RedisUse = RedisUse.DURABLE
    clients: int = Field(default=64, ge=1, le=200)

    @model_validator(mode="after")
    def _holds_all_its_files(self) -> "Redis":
        least = redis_sizing.sizing(self.memory.request).volume_mib
        if memory_mib(self.storage) < least:
            allowed = f"at least {least}Mi with memory of {self.memory.request}: a log being rewritten, a snapshot"
            raise WrongValuesError([Wrong(("storage",), self.storage, allowed)])
        return self

    @field_validator("memory")
    @classmethod
    def _bounded(cls, memory: Memory) -> Memory:
        return _within(memory, 1, 8)


class Objects(Model):
    """The object store."""

    storage: MemoryQuantity = "20Gi"
    clients: int = Field(default=32, ge=1, le=200)


Cron = Annotated[str, Field(pattern=r"^(\S+ ){4}\S+$", description="five fields, as cron has them, in UTC")]


class Backups(Model):
    """When what is backed up; how long it is kept is `retention.backups`."""

    archive_s: int = Field(
        default=60, ge=10, le=RPO_S, description="seconds after which the log is archived: the most that may be lost"
    )
    full: Cron = "15 1 * * 0"
    incremental: Cron = "15 1,7,13,19 * * *"
    volumes: Cron = "5 * * * *"
    restore: Cron = "30 3 * * *"


class Data(Model):
    """L2."""

    postgres: Sql = Sql()
    htm: Sql = Sql(synchronous=False, max_connections=100, clients=4)
    redis: Redis = Redis()
    objects: Objects = Objects()
    backups: Backups = Backups()
    crawl: Cron = "40 * * * *"
    passwords: int = Field(default=1, ge=1, description="raised by one, every client gets a new password")
    keep_volumes: bool = Field(
        default=True, description="whether data stays in the cluster when the stack is destroyed"
    )

    def options(self, keep_days: int) -> DataOptions:
        """They as components take them."""
        backups = self.backups
        return DataOptions(
            postgres=_sql(self.postgres),
            htm=_sql(self.htm),
            redis=RedisOptions(
                storage=self.redis.storage, cache=self.redis.use is RedisUse.CACHE, clients=self.redis.clients
            ),
            objects=ObjectsOptions(storage=self.objects.storage, clients=self.objects.clients),
            backups=BackupOptions(
                archive_s=backups.archive_s,
                full=backups.full,
                incremental=backups.incremental,
                volumes=backups.volumes,
                restore=backups.restore,
                keep_days=keep_days,
            ),
            passwords=self.passwords,
            keep_volumes=self.keep_volumes,
        )


def _sql(sql: Sql) -> SqlOptions:
    return SqlOptions(
        storage=sql.storage,
        synchronous=sql.synchronous,
        max_connections=sql.max_connections,
        pool=sql.pool,
        clients=sql.clients,
    )
