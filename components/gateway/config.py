"""The configuration that HAProxy reads, checked by `haproxy -c` in tests/conformance."""

from collections.abc import Mapping
from dataclasses import dataclass

PORT = 8080
HEALTH_PORT = 8081
"""Where HAProxy listens in its pod; health has a port of its own that no endpoint offers."""

DIR = "/etc/haproxy"
FILE = f"{DIR}/haproxy.cfg"

CONNECT_S = 5
STREAM_S = 3600
"""Seconds that a stream may be silent before the gateway closes it."""
RESOLVED_S = 10
"""Seconds that HAProxy believes an address."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Where one server answers MCP over HTTP."""

    authority: str
    """host:port."""
    path: str


_HEAD = f"""\
global
    log stdout format raw local0 info
    maxconn 4096

defaults
    mode http
    timeout connect {CONNECT_S}s
    timeout client {STREAM_S}s
    timeout server {STREAM_S}s
    timeout http-request 30s
    timeout http-keep-alive 60s
    timeout queue 30s
    timeout tunnel {STREAM_S}s

resolvers cluster
    parse-resolv-conf
    hold valid {RESOLVED_S}s

frontend health
    bind :{HEALTH_PORT}
    http-request return status 200 content-type text/plain string ok if {{ path /healthz }}
    http-request deny deny_status 404

frontend mcp
    bind :{PORT}
    log global
    option httplog
    option dontlognull
"""


def haproxy_cfg(servers: Mapping[str, Backend]) -> str:
    """haproxy.cfg for a gateway that hands `/mcp/<id>` to the server of that id, and answers 404 to all else.

    Args:
        servers: id -> where it answers.
    """
    chosen = "".join(f"    use_backend {id} if {{ path /mcp/{id} }}\n" for id in sorted(servers))
    return _HEAD + chosen + _TAIL + "".join(_backend(id, server) for id, server in sorted(servers.items()))


_TAIL = """\
    default_backend none

backend none
    http-request deny deny_status 404
"""


def _backend(id: str, server: Backend) -> str:
    # Without `none` it would not start while a server's name is unknown.
    return f"""
backend {id}
    http-request set-path {server.path}
    http-request set-header Host {server.authority}
    server {id} {server.authority} resolvers cluster resolve-prefer ipv4 init-addr libc,none
"""
