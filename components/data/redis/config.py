"""What Redis' members and sentinels read, checked by redis-server in tests/conformance.

Passwords are in none of these texts but the users' (`member_acl`, `sentinel_acl`), as hashes; those that a server shows
to others are files, which the start scripts (`scripts/`) add.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from components.base import DeclarationError
from components.data.redis.sizing import Sizing

PORT = 6379
SENTINEL_PORT = 26379
EXPORTER_PORT = 9121

_EXPORTED = f"rediss://localhost:{PORT}"

SET = "redis"
"""The sentinels' word for the members: `SENTINEL MASTER redis`."""

CONFIG_DIR = "/etc/redis"
"""Where configuration and start scripts are mounted."""
DATA_DIR = "/data"
STATE_DIR = "/state"
"""What a member, and a sentinel, keeps: each on a volume of its own."""
TLS_DIR = "/run/tls"
"""tls.crt, tls.key, ca.crt."""
ACL_DIR = "/run/acl"
"""users.acl: a Secret that changes in place, whenever there is another client."""
PASSWORDS_DIR = "/run/passwords"
"""A file for each account in `Account`, and `exporter.json`."""

DOWN_AFTER_MS = 5_000
"""How long a member is silent before enough sentinels call it down."""
FAILOVER_TIMEOUT_MS = 5_000
"""Sentinels that elected nobody try again after twice as much; if that happens twice, it is 25 s and the failover."""
LOADING_MS = 15_000
"""How long a primary that came back may load its data before another one takes over."""
LAG_S = 10
"""A primary whose replicas have all been silent for so long takes no more writes."""


class Account(StrEnum):
    """Who the platform itself is to Redis; clients have accounts of their own, with names that end in `-g<number>`."""

    ADMIN = "admin"
    REPLICATION = "replication"
    SENTINEL = "sentinel"
    HEALTH = "health"
    EXPORTER = "exporter"


_ON_MEMBERS = {
    Account.ADMIN: "~* &* +@all",
    Account.REPLICATION: "+psync +replconf +ping",
    # As Redis documents it for its sentinels, with their one channel.
    Account.SENTINEL: "&__sentinel__:hello +multi +exec +ping +info +role +publish +subscribe +slaveof +config|rewrite "
    "+client|setname +client|kill +script|kill",
    Account.HEALTH: "+ping +role +info",
    Account.EXPORTER: "+ping +info +client|setname +slowlog|len +slowlog|get +latency|latest +latency|histogram",
}
_ON_SENTINELS = {
    Account.ADMIN: "~* &* +@all",
    Account.SENTINEL: "&__sentinel__:hello +ping +publish +client|setname +sentinel|is-master-down-by-addr",
    Account.HEALTH: "+ping +info +sentinel|master +sentinel|get-master-addr-by-name +sentinel|ckquorum",
}

_TLS = f"""\
port 0
bind * -::*
protected-mode yes
tls-cert-file {TLS_DIR}/tls.crt
tls-key-file {TLS_DIR}/tls.key
tls-ca-cert-file {TLS_DIR}/ca.crt
tls-auth-clients no
tls-replication yes
tls-protocols "TLSv1.2 TLSv1.3"
aclfile {ACL_DIR}/users.acl
daemonize no
logfile ""
"""


def redis_conf(*, cache: bool, sizing: Sizing, members: int) -> str:
    """redis.conf of every member; its own name, whom it replicates and the passwords come from the start script.

    Args:
        cache: whether the least used keys go when memory is full. Otherwise writes are refused, each is on the
            primary's disk before it is acknowledged, and there is a snapshot each hour.
        sizing: its figures.
        members: how many there are.
    """
    buffer = f"{sizing.replica_buffer_mib}mb {sizing.replica_buffer_mib // 2}mb 60"
    return (
        f"tls-port {PORT}\n"
        + _TLS
        + f"""\
dir {DATA_DIR}
timeout 0
tcp-keepalive 60

appendonly yes
appenddirname appendonlydir
appendfsync {"everysec" if cache else "always"}
save {'""' if cache else "3600 1"}
stop-writes-on-bgsave-error no
shutdown-on-sigterm nosave

maxmemory {sizing.maxmemory_mib}mb
maxmemory-policy {"allkeys-lru" if cache else "noeviction"}
maxmemory-clients 10%
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica {buffer}
client-output-buffer-limit pubsub 32mb 8mb 60

replica-read-only yes
replica-announce-port {PORT}
repl-diskless-sync yes
repl-diskless-sync-delay 1
repl-backlog-size {sizing.backlog_mib}mb
min-replicas-to-write {1 if members > 1 else 0}
min-replicas-max-lag {LAG_S}
"""
    )


def sentinel_conf(*, first: str, sentinels: int) -> str:
    """sentinel.conf of every sentinel, as long as nothing was learnt; the start script keeps what was.

    Args:
        first: host of the member that is primary as long as nobody says otherwise.
        sentinels: how many there are.
    """
    return (
        f"tls-port {SENTINEL_PORT}\n"
        + _TLS
        + f"""\
dir {STATE_DIR}
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-port {SENTINEL_PORT}
sentinel sentinel-user {Account.SENTINEL}
sentinel monitor {SET} {first} {PORT} {quorum(sentinels)}
sentinel down-after-milliseconds {SET} {DOWN_AFTER_MS}
sentinel failover-timeout {SET} {FAILOVER_TIMEOUT_MS}
sentinel parallel-syncs {SET} 1
sentinel master-reboot-down-after-period {SET} {LOADING_MS}
sentinel auth-user {SET} {Account.SENTINEL}
"""
    )


def quorum(sentinels: int) -> int:
    """How many sentinels must agree: more than half of them."""
    return sentinels // 2 + 1


def member_acl(passwords: Mapping[Account, str], clients: Iterable[str]) -> str:
    """users.acl of the members: nobody without a name, the platform's own accounts, the clients'.

    Args:
        passwords: of all accounts. Nothing but letters and digits.
        clients: a line for each, as `data_tools.redis_acl` makes it.

    Errors:
        DeclarationError: a password that a configuration file would not take literally.
    """
    return _acl(_ON_MEMBERS, passwords) + "".join(f"{line}\n" for line in clients)


def sentinel_acl(passwords: Mapping[Account, str]) -> str:
    """users.acl of the sentinels: only the platform's own accounts.

    Errors:
        DeclarationError: a password that a configuration file would not take literally.
    """
    return _acl(_ON_SENTINELS, passwords)


def _acl(rules: Mapping[Account, str], passwords: Mapping[Account, str]) -> str:
    for account in rules:
        if not (passwords[account].isascii() and passwords[account].isalnum()):
            raise DeclarationError(f"the password of Redis' {account}: letters and digits only, and at least one")
    hashed = {account: hashlib.sha256(passwords[account].encode()).hexdigest() for account in rules}
    return "user default off\n" + "".join(
        f"user {account} on #{hashed[account]} resetkeys resetchannels -@all {words}\n"
        for account, words in rules.items()
    )


def password_files(passwords: Mapping[Account, str]) -> dict[str, str]:
    """What lies in `PASSWORDS_DIR`: file name -> content. Secret."""
    files = {str(account): password for account, password in passwords.items()}
    # Its file says which password is for which address.
    return files | {"exporter.json": json.dumps({_EXPORTED: passwords[Account.EXPORTER]})}


def environment(members: Sequence[str], sentinels: Sequence[str]) -> dict[str, str]:
    """What the start scripts must know; beside it they read HOSTNAME, the pod's own name.

    Args:
        members: hosts of all members, ordinal 0 first: it is primary when nobody was one before.
        sentinels: hosts of all sentinels; none where there is one member.
    """
    return {
        "REDIS_MEMBERS": " ".join(members),
        "REDIS_SENTINELS": " ".join(sentinels),
        "REDIS_QUORUM": str(quorum(len(sentinels))),
    }


def stand_back(*, cache: bool) -> dict[str, str]:
    """What a member must know beside that: whether it always lets another take over when it was primary, and ended.

    A replica goes on at once, while all replicas of a restarted primary must copy everything, and writes wait for one
    of them. But a durable one that is back before it counts as down has all that it acknowledged, and goes on itself.
    """
    return {"REDIS_STAND_BACK": "yes" if cache else "no"}


def scripts() -> dict[str, str]:
    """The start scripts: file name -> text."""
    folder = Path(__file__).with_name("scripts")
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sh"))}


def start(script: str) -> list[str]:
    """The command of a container: `start-member.sh` or `start-sentinel.sh`."""
    return ["/bin/sh", f"{CONFIG_DIR}/{script}"]


def probe(port: int, *, ready: bool) -> list[str]:
    """The command that shows whether a server answers: one that still loads its data lives, but is not ready."""
    return ["/bin/sh", f"{CONFIG_DIR}/ping.sh", str(port), "ready" if ready else "live"]


def exporter() -> list[str]:
    """The command of the exporter, in the pod of the member it is for."""
    return [
        "prometheus-redis-exporter",
        f"-redis.addr={_EXPORTED}",
        f"-redis.user={Account.EXPORTER}",
        f"-redis.password-file={PASSWORDS_DIR}/exporter.json",
        f"-tls-ca-cert-file={TLS_DIR}/ca.crt",
        f"-web.listen-address=:{EXPORTER_PORT}",
    ]
