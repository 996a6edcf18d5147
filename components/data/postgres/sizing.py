"""What PostgreSQL does with its memory, and how many connections there are to share out."""

from dataclasses import dataclass

from components.base import DeclarationError

LEAST_WORK_MEM_KB = 768
"""Below it sorts go to disk, and the connections alone (1.8 MB each, measured) would take over half of the memory."""

SUPERUSERS = 8
"""Connections that only superusers get, so that no client takes them: Patroni's (3), a backup's (2), the Jobs' (3)."""
OTHERS = 4
"""Connections of who is no client: the exporter (2), a member that is rewound (2). Replication is counted apart."""
LOOKUP = 1
"""Connections to each database, per pod of a pooler, for asking who may log in."""
SURGE = 1
"""Pods of a pooler that are there on top, while it is rolled out."""

_KB = 1024


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """Settings that follow from a member's memory.

    A quarter is for buffers, a quarter for queries, the rest for processes, Patroni and files that the kernel keeps.

    Errors:
        DeclarationError: the memory is too small for so many connections.
    """

    memory_mib: int
    max_connections: int

    def __post_init__(self) -> None:
        """Errors: DeclarationError: see the class."""
        if why := memory_refusal(memory_mib=self.memory_mib, max_connections=self.max_connections):
            raise DeclarationError(f"max_connections {self.max_connections}: must be {why}")

    @property
    def parameters(self) -> dict[str, str | int]:
        """Of postgresql.conf, with PostgreSQL's units. `wal_buffers` follows `shared_buffers` by itself."""
        return {
            "shared_buffers": f"{self.memory_mib // 4}MB",
            "effective_cache_size": f"{self.memory_mib * 3 // 4}MB",
            "work_mem": f"{_work_mem_kb(self.memory_mib, self.max_connections)}kB",
            # PostgreSQL 15 lets hash tables have twice work_mem, which the quarter does not have.
            "hash_mem_multiplier": 1,
            # There are three autovacuum workers: together 15 %.
            "maintenance_work_mem": f"{self.memory_mib // 20}MB",
        }


def memory_refusal(*, memory_mib: int, max_connections: int) -> str:
    """What `max_connections` must be where the memory is too small for it, empty where it is not.

    Args:
        memory_mib: of a member.
        max_connections: of the cluster.
    """
    if _work_mem_kb(memory_mib, max_connections) >= LEAST_WORK_MEM_KB:
        return ""
    most = memory_mib * _KB // 4 // LEAST_WORK_MEM_KB
    return f"at most {most} with {memory_mib} MiB of memory: each is to have {LEAST_WORK_MEM_KB} kB of a quarter of it"


def connections(*, clients: int, pool: int, bouncers: int) -> int:
    """The most server connections that poolers and PostgreSQL's own roles can ask for.

    A pool is a client's, not an account's: two generations of its account share it while a password is rotated. It has
    to hold a client's old and new pods together anyway, whenever the client is rolled out.

    Args:
        clients: databases; each is counted at every pod, whichever way of pooling it was handed.
        pool: server connections of a client, per pod.
        bouncers: pods of all poolers.
    """
    return clients * (pool + LOOKUP) * (bouncers + SURGE) + SUPERUSERS + OTHERS


def pools_refusal(*, clients: int, pool: int, bouncers: int, max_connections: int) -> str:
    """What `pool` must be where pools could ask for more connections than there are, empty where they cannot.

    Args:
        clients: see `connections`.
        pool: see `connections`.
        bouncers: see `connections`.
        max_connections: of the cluster.
    """
    needed = connections(clients=clients, pool=pool, bouncers=bouncers)
    if needed <= max_connections:
        return ""
    most = (max_connections - SUPERUSERS - OTHERS) // (clients * (bouncers + SURGE)) - LOOKUP
    smaller = f"at most {most}, or " if most >= 1 else "less, with fewer clients or pods, or "
    return (
        f"{smaller}max_connections at least {needed}, not {max_connections}: {clients} clients x ({pool} + {LOOKUP}) "
        f"x ({bouncers} + {SURGE}) pods + {SUPERUSERS + OTHERS} that are no clients'"
    )


def _work_mem_kb(memory_mib: int, max_connections: int) -> int:
    return memory_mib * _KB // 4 // max_connections
