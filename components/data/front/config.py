"""The configuration that a front's HAProxy reads, checked by `haproxy -c` in tests/conformance.

It hands on bytes: TLS is between client and member. Who is the primary is asked of each member every second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

HEALTH_PORT = 8081
METRICS_PORT = 8405
"""Health has a port of its own that no endpoint offers; Prometheus asks `/metrics` on the other."""

DIR = "/etc/haproxy"
FILE = f"{DIR}/haproxy.cfg"
CA_FILE = "/run/tls/ca.crt"
"""What the checks trust. HAProxy reads it when it starts."""
PASSWORD_FILE = "/run/passwords/health"  # noqa: S105 (a path)
"""Of the Redis account that asks for roles."""

IDLE_H = 24
"""Hours that a session may be silent: subscribers and pooled connections are, and TCP's keepalive finds those who are
gone."""
KEPT_H = 24
"""Hours without a name service after which HAProxy gives a member up."""
MAXCONN = 2048

CHECK_MS, FAST_MS, FALL = 1000, 300, 3
"""Milliseconds between two checks, and after one that failed; how many must fail. A check fails after as long as lies
between two: a member that hangs is left after 4.6 s at most, one that is dead or says no after 1.6 s."""

_PASSWORD = "HEALTH_PASSWORD"  # noqa: S105 (a variable)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of the store, primary or not."""

    name: str
    host: str
    """By which it is found, and which its certificate names."""
    port: int


@dataclass(frozen=True, kw_only=True)
class PostgresCheck:
    """Patroni says who the primary is: it answers 200 to this there only, and only while it holds the leader's lock."""

    port: int = 8008


@dataclass(frozen=True, kw_only=True)
class RedisCheck:
    """Redis itself says whether it is the primary."""

    user: str
    """It may PING and INFO, no more."""
    replicated: bool
    """Whether it must have a replica too, as `min-replicas-to-write` has it. Without, it takes no writes: a primary
    that was away and has not heard yet that another took over shows by that."""


Check = PostgresCheck | RedisCheck

_HEAD = f"""\
global
    log stdout format raw local0 info
    maxconn {MAXCONN}
    nbthread 2

defaults
    mode tcp
    timeout connect 2s
    timeout client {IDLE_H}h
    timeout server {IDLE_H}h
    timeout client-fin 30s
    timeout server-fin 30s

# Names are asked for every second. One that is not found keeps its address: whether a member is there, its check says.
resolvers cluster
    parse-resolv-conf
    hold nx {KEPT_H}h
    hold refused {KEPT_H}h
    hold timeout {KEPT_H}h
    hold other {KEPT_H}h

# Ready means that it runs, not that there is a primary: if all fronts left the Service while there is none, they would
# come back to it later than the primary does.
frontend health
    mode http
    timeout client 10s
    bind :{HEALTH_PORT}
    http-request return status 200 content-type text/plain string ok if {{ path /healthz }}
    http-request deny deny_status 404

frontend metrics
    mode http
    timeout client 10s
    bind :{METRICS_PORT}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request deny deny_status 404

frontend store
    log global
    option tcplog
    option dontlognull
    option clitcpka
    clitcpka-idle 60s
    clitcpka-intvl 10s
    clitcpka-cnt 3
"""

# HAProxy takes a server for up as soon as it has its address, until a check fails: at its start all are. So sessions go
# where the last one went, and while there was none, they are refused until one member remains.
_BACKEND = """\
    tcp-request content reject if { nbsrv(primary) gt 1 } !{ int(1),in_table(primary) }
    default_backend primary

backend primary
    log global
    option srvtcpka
    srvtcpka-idle 60s
    srvtcpka-intvl 10s
    srvtcpka-cnt 3
    option redispatch
    stick-table type integer size 10k nopurge
    stick on int(1)
"""

_CHECK_SERVER = f"""    timeout check {CHECK_MS}
    default-server check inter {CHECK_MS} fastinter {FAST_MS} downinter {CHECK_MS} fall {FALL} rise 1
    default-server on-marked-down shutdown-sessions
    default-server check-ssl verify required ca-file {CA_FILE}
    default-server resolvers cluster resolve-prefer ipv4 init-addr none
"""


def haproxy_cfg(port: int, members: Sequence[Member], check: Check) -> str:
    """haproxy.cfg of a front that leads every session to the primary, and ends those of one that is no more.

    Args:
        port: where it listens.
        members: all of them.
        check: how a member shows that it is the primary. One that is dead, stopped or cut off is left within 5 s.
    """
    asked = _patroni() if isinstance(check, PostgresCheck) else _redis(check)
    servers = "".join(_server(member, check) for member in members)
    return _HEAD + f"    bind :{port}\n" + _BACKEND + asked + _CHECK_SERVER + servers


def command(check: Check) -> list[str]:
    """The command of its container. A password that a check needs comes from a file, and is in no configuration."""
    run = ["haproxy", "-W", "-db", "-f", FILE]
    if isinstance(check, PostgresCheck):
        return run
    export = f'{_PASSWORD}=$(cat {PASSWORD_FILE}) && export {_PASSWORD} && exec "$@"'
    return ["/bin/sh", "-c", export, "sh", *run]


def _patroni() -> str:
    return """    option httpchk
    http-check send meth OPTIONS uri /primary
    http-check expect status 200
"""


def _redis(check: RedisCheck) -> str:
    # QUIT ends the answer: a replica's need not be waited for until the timeout. Who still loads says no PONG.
    asked = rf"AUTH {check.user} ${{{_PASSWORD}}}\r\nPING\r\nINFO replication\r\nQUIT\r\n"
    replicas = ".*min_slaves_good_slaves:[1-9]" if check.replicated else ""
    return f"""\
    option tcp-check
    tcp-check send "{asked}"
    tcp-check expect rstring '(?s)PONG.*role:master{replicas}'
"""


def _server(member: Member, check: Check) -> str:
    checked = f" port {check.port}" if isinstance(check, PostgresCheck) else ""
    # Its certificate must have that name too.
    return f"    server {member.name} {member.host}:{member.port}{checked} check-sni {member.host}\n"
