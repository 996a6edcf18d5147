"""Patroni's configuration: how members find their primary, and how each runs its PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from components.base import PLATFORM
from components.data.postgres import access
from components.data.postgres.pgbackrest import PG_PORT, PGDATA, SOCKETS, STANZA, TLS_DIR
from components.data.postgres.sizing import SUPERUSERS, Sizing

DIR = "/etc/postgresql"
"""Where a pod finds patroni.yml, pgbackrest.conf and the scripts."""
FILE = f"{DIR}/patroni.yml"
SECRETS = "/run/secrets/patroni"
"""Passwords of a member's own roles, a file each: see PASSWORDS."""
PASSWORDS = ("superuser", "replication", "restapi")

API_PORT = 8008
"""Where each member says, by HTTPS, which role it has."""
API_USER = "patroni"
"""Who may tell a member to change it, with the password `restapi`."""

ROLE_LABEL = "patroni.code/role"
PRIMARY, REPLICA = "primary", "replica"
"""Its values. A member that was stopped keeps it: ask its API instead of believing the label."""

RPO_S = 300
"""The longest that a written change may wait for being archived."""

_FAILURE_S = 10
"""Seconds without an answer after which PostgreSQL takes the other end of a connection for dead."""


@dataclass(frozen=True, kw_only=True)
class PointInTime:
    """A moment in the history of another cluster, which a new cluster begins with."""

    target: str
    """As PostgreSQL writes times, with the zone: 2026-11-25 02:17:00+00."""
    config: str
    """Path of the pgbackrest.conf of that cluster's repository, from `pgbackrest.restore_conf`."""
    keys: str
    cipher: str
    """What opens it: see scripts/with-repository.sh."""

    @property
    def _pgbackrest(self) -> str:
        opened = f"sh {DIR}/with-repository.sh {self.keys} {self.cipher}"
        return f"{opened} pgbackrest --config={self.config} --stanza={STANZA}"

    @property
    def command(self) -> str:
        """What fills the data directory. The log, too, comes from that repository, not from the cluster's own."""
        fetch = f'restore_command={self._pgbackrest} archive-get %f "%p"'
        target = f"--type=time --target='{self.target}' --target-action=promote"
        return f"{self._pgbackrest} {target} --recovery-option='{fetch}' restore"


@dataclass(frozen=True, kw_only=True)
class Members:
    """A cluster, as its members know it."""

    workload: str
    """Of the StatefulSet; also the cluster's name, and its objects' label `app.kubernetes.io/name`."""
    namespace: str
    sizing: Sizing
    synchronous: bool
    """Whether a write is acknowledged only when a second member has it on its disk."""
    archive_s: int | None
    """Seconds after which a part of the log is archived that is not full; None: there are no backups."""
    begins_as: PointInTime | None = None
    """None: empty."""


def dynamic(members: Members) -> dict[str, Any]:
    """What all members agree on.

    It is read from patroni.yml once, when the cluster is made: later changes go to the API (PATCH /config).
    """
    return {
        "ttl": 20,
        "loop_wait": 5,
        "retry_timeout": 5,
        "maximum_lag_on_failover": 1 << 20,
        # The store may be away: as long as the primary reaches all members, it stays.
        "failsafe_mode": True,
        "synchronous_mode": members.synchronous,
        # Nor is a write acknowledged that only the primary has, when there is no replica left: it waits for one.
        "synchronous_mode_strict": members.synchronous,
        "synchronous_node_count": 1,
        # A PostgreSQL that died is not waited for where nothing is lost by promoting another.
        "primary_start_timeout": 0 if members.synchronous else 300,
        # One that does not stop, since a replica does not fetch the rest of its log, is killed: the others have what
        # was acknowledged. It applies in synchronous mode only.
        "primary_stop_timeout": 15,
        # Beside what Patroni sets by itself: wal_level, hot_standby, wal_log_hints, max_wal_senders, slots.
        "postgresql": {"use_slots": True, "parameters": {"max_connections": members.sizing.max_connections}},
    }


def patroni_yml(members: Members) -> str:
    """patroni.yml, the same for all members: name, addresses and passwords come from scripts/start.sh.

    Errors:
        DeclarationError: the memory is too small for so many connections.
    """
    tls = {"certfile": f"{TLS_DIR}/tls.crt", "keyfile": f"{TLS_DIR}/tls.key"}
    return yaml.safe_dump(
        {
            "scope": members.workload,
            "restapi": {
                "listen": f"0.0.0.0:{API_PORT}",
                "authentication": {"username": API_USER},
                "cafile": f"{TLS_DIR}/ca.crt",
                **tls,
            },
            # With a certificate of its own, a member also checks those of the members that it asks.
            "ctl": {"cacert": f"{TLS_DIR}/ca.crt", **tls},
            "kubernetes": _kubernetes(members),
            # No watchdog: a pod without privileges has none. What a stopped Patroni leaves running gets no second
            # member to confirm its writes.
            "watchdog": {"mode": "off"},
            "bootstrap": _bootstrap(members),
            "postgresql": _postgresql(members),
        },
        sort_keys=False,
    )


def _kubernetes(members: Members) -> dict[str, Any]:
    return {
        "namespace": members.namespace,
        "use_endpoints": False,
        # With these two, Patroni's objects and the pods have the labels by which everything else selects the pods.
        "scope_label": "app.kubernetes.io/name",
        "labels": {"app.kubernetes.io/part-of": PLATFORM},
        "role_label": ROLE_LABEL,
        "leader_label_value": PRIMARY,
        "follower_label_value": REPLICA,
        "standby_leader_label_value": PRIMARY,
    }


def _bootstrap(members: Members) -> dict[str, Any]:
    made: dict[str, Any] = {
        "dcs": dynamic(members),
        "initdb": [
            "data-checksums",
            {"encoding": "UTF8"},
            # The order of bytes: it changes with no library, and so no index is wrong after an update of one.
            {"locale": "C.UTF-8"},
            {"auth-local": "peer"},
            {"auth-host": "scram-sha-256"},
        ],
    }
    if members.begins_as:
        restore = {"command": members.begins_as.command, "no_params": True, "keep_existing_recovery_conf": True}
        made |= {"method": "pgbackrest", "pgbackrest": restore}
    return made


def _postgresql(members: Members) -> dict[str, Any]:
    verified = {"sslmode": "verify-full", "sslrootcert": f"{TLS_DIR}/ca.crt"}
    return {
        "listen": f"*:{PG_PORT}",
        "data_dir": PGDATA,
        "bin_dir": "/usr/lib/postgresql/15/bin",
        "pgpass": f"{SOCKETS}/pgpass",
        "use_unix_socket": True,
        "use_unix_socket_repl": True,
        "use_pg_rewind": True,
        # A former primary that cannot be rewound is made anew: what it had alone was acknowledged to nobody.
        "remove_data_directory_on_rewind_failure": True,
        "remove_data_directory_on_diverged_timelines": True,
        "authentication": {
            # It rewinds a member too, for which it connects to another one.
            "superuser": {"username": access.SUPERUSER, **verified},
            "replication": {"username": access.REPLICATION, **verified},
        },
        "pg_hba": list(access.PG_HBA),
        "pg_ident": list(access.PG_IDENT),
        "parameters": parameters(members),
        **(_FROM_BACKUPS if members.archive_s is not None else {}),
    }


_FROM_BACKUPS: Mapping[str, Any] = {
    "create_replica_methods": ["pgbackrest", "basebackup"],
    "pgbackrest": {
        "command": f"pgbackrest --stanza={STANZA} --delta --type=standby restore",
        "keep_data": True,
        "no_params": True,
    },
    "recovery_conf": {"restore_command": f'pgbackrest --stanza={STANZA} archive-get %f "%p"'},
}
"""Members take from the repository what they lack: all of it, or the part of the log that the primary no longer has."""


def parameters(members: Members) -> dict[str, Any]:
    """Of postgresql.conf, those of each member: other ones need a restart of the members at most."""
    archive = {
        "archive_mode": "on",
        "archive_command": f"pgbackrest --stanza={STANZA} archive-push %p",
        "archive_timeout": members.archive_s,
    }
    return {
        **members.sizing.parameters,
        **(archive if members.archive_s is not None else {}),
        "superuser_reserved_connections": SUPERUSERS,
        "unix_socket_directories": SOCKETS,
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "ssl": "on",
        "ssl_cert_file": f"{TLS_DIR}/tls.crt",
        "ssl_key_file": f"{TLS_DIR}/tls.key",
        "ssl_ca_file": f"{TLS_DIR}/ca.crt",
        # Segments of shared memory for parallel queries: /dev/shm of a container has 64 MiB.
        "dynamic_shared_memory_type": "sysv",
        # What the compiler of expressions takes is in no budget.
        "jit": "off",
        # A replica that went away shall hold up writes no longer than it takes to choose another.
        "wal_sender_timeout": f"{_FAILURE_S}s",
        "wal_receiver_timeout": f"{_FAILURE_S}s",
        "wal_retrieve_retry_interval": "1s",
        # Nor shall it fill the volume: what it misses of the log, it gets from the archive, or it is made anew.
        "max_slot_wal_keep_size": "2GB",
        # Locks of a client that is gone, or that forgot its transaction, do not stop the others.
        "tcp_keepalives_idle": _FAILURE_S,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
        "tcp_user_timeout": _FAILURE_S * 1000,
        "client_connection_check_interval": f"{_FAILURE_S}s",
        "idle_in_transaction_session_timeout": "5min",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d %h ",
        "log_connections": "on",
        "log_disconnections": "on",
        "log_lock_waits": "on",
    }
