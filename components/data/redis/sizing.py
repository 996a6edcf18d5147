"""What follows from the memory of a Redis member (S6), and from nothing else.

Sources: Redis' administration guide ("up to 2 times the memory normally used" while a file is rewritten under many
writes: the pages that change meanwhile exist twice), and Amazon's for ElastiCache, which keeps 25 % of a node for
snapshots, fragmentation and the replicas' buffers, and up to 50 % where much is written. Members here rewrite their log
too, so they keep 40 %.
"""

from dataclasses import dataclass

from catalog.model import memory_mib
from components.base import DeclarationError

LEAST_GIB, MOST_GIB = 1, 8

DATA_PERCENT = 60
"""Of the memory: keys, clients and the backlog. The rest is for pages that exist twice, replicas' buffers beyond the
backlog, and fragmentation."""

_MIB_PER_GIB = 1024
_BACKLOG_PART = 32
_REPLICA_BUFFER_PART = 8

VOLUME_PER_DATA = 4
"""A log grows to twice its base before it is rewritten, the new base is written beside it, and so is a snapshot."""


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """The figures of one member."""

    memory: str
    """Request and limit of its container, as Kubernetes writes it. They are the same: memory that is promised to no
    one may be gone when a log is rewritten."""
    maxmemory_mib: int
    """Beyond it keys are evicted, or writes refused."""
    backlog_mib: int
    """Writes that are kept for a replica that comes back: with them it need not copy everything."""
    replica_buffer_mib: int
    """What a replica may lag behind, beyond the backlog, before it is cut off and starts anew."""
    volume_mib: int
    """The smallest volume that holds all its files."""


def sizing(memory: str) -> Sizing:
    """The figures of a member.

    Args:
        memory: what its container gets, as Kubernetes writes it: `1Gi` to `8Gi`.

    Errors:
        DeclarationError: it is less, or more.
    """
    whole = memory_mib(memory)
    if not LEAST_GIB * _MIB_PER_GIB <= whole <= MOST_GIB * _MIB_PER_GIB:
        raise DeclarationError(f"Redis memory {memory}: from {LEAST_GIB}Gi to {MOST_GIB}Gi")
    data = whole * DATA_PERCENT // 100
    return Sizing(
        memory=memory,
        maxmemory_mib=data,
        backlog_mib=whole // _BACKLOG_PART,
        replica_buffer_mib=whole // _REPLICA_BUFFER_PART,
        volume_mib=data * VOLUME_PER_DATA,
    )
