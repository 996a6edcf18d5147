"""PgBouncer's configuration: many clients on few server connections, each client as itself."""

from dataclasses import dataclass
from typing import Literal

from components.data.postgres import access
from components.data.postgres.pgbackrest import TLS_DIR
from components.data.postgres.sizing import LOOKUP

PORT = 6432

DIR = "/etc/pgbouncer"
FILE = f"{DIR}/pgbouncer.ini"

USERS_FILE = "/run/secrets/pgbouncer/userlist.txt"
"""The pooler's own password, as `userlist` writes it."""
MOST_CLIENTS = 1000
"""Connections of clients, per pod."""

QUERY = "SELECT usename, passwd FROM pgbouncer.lookup($1)"
"""Who a client is, asked in the database that it wants: 1.18 cannot ask in another one."""

WAIT_S = 60
"""Seconds that a client waits for a server connection: twice what a failover may take."""

_SILENCE_S = 10


@dataclass(frozen=True, kw_only=True)
class Pooler:
    """One kind of pooling before one cluster."""

    mode: Literal["session", "transaction"]
    host: str
    """Where the primary is, whichever it is; its certificate has this name."""
    port: int
    pool: int
    """Server connections of a client, per pod: see `sizing.connections`."""


def pgbouncer_ini(pooler: Pooler) -> str:
    """pgbouncer.ini: every database of the cluster, for those who may log in there."""
    return f"""\
[databases]
* = host={pooler.host} port={pooler.port}

[pgbouncer]
listen_addr = *
listen_port = {PORT}
unix_socket_dir =
pool_mode = {pooler.mode}

auth_type = scram-sha-256
auth_file = {USERS_FILE}
auth_user = {access.POOLER}
auth_query = {QUERY}

client_tls_sslmode = require
client_tls_cert_file = {TLS_DIR}/tls.crt
client_tls_key_file = {TLS_DIR}/tls.key
; Nobody shows one; without it, it looks for the machine's own, and fails where there is none.
client_tls_ca_file = {TLS_DIR}/ca.crt
server_tls_sslmode = verify-full
server_tls_ca_file = {TLS_DIR}/ca.crt

; One account takes the pool at most; two generations of it, and the question who may log in, share one more.
default_pool_size = {pooler.pool}
max_db_connections = {pooler.pool + LOOKUP}
max_client_conn = {MOST_CLIENTS}

; While there is no primary, a client waits, and a new one is asked for every second.
query_wait_timeout = {WAIT_S}
client_login_timeout = {WAIT_S}
server_connect_timeout = 5
server_login_retry = 1
tcp_keepidle = {_SILENCE_S}
tcp_keepintvl = 5
tcp_keepcnt = 3
tcp_user_timeout = {_SILENCE_S * 1000}

; What JDBC and Go say at the start, and PostgreSQL needs no more.
ignore_startup_parameters = extra_float_digits
"""


def userlist(password: str) -> str:
    """userlist.txt: a secret."""
    return f'"{access.POOLER}" "{password}"\n'
