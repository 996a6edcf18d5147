"""supervisord, the node's first process: its configuration and its control interface."""

import hashlib
import http.client
import shlex
import socket
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sandbox import paths
from sandbox.cluster.settings import RUN

SOCKET = RUN / "supervisor.sock"
"""The control socket; a path, so it is reached from outside of the node's namespaces too."""

CONFIG = RUN / "supervisord.conf"
"""The generated configuration."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process of the node, kept running by supervisord.

    Attributes:
        name: what `status` and `logs` call it; its log is `LOGS/<name>.log`.
        command: program (absolute path) and arguments.
        environment: variables beside the node's own.
        files: configuration files it reads only when it starts: it is restarted when their content changes.
        order: programs of the same number start together, when those of lower numbers are ready.
        stop_s: seconds between SIGTERM and SIGKILL.
    """

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Sequence[Path] = ()
    order: int = 100
    stop_s: int = 5


@dataclass(frozen=True, kw_only=True)
class Process:
    """What supervisord says of a program.

    `state` is its own word (RUNNING, STARTING, BACKOFF, FATAL, STOPPED, EXITED), `pid` the number inside the node,
    `uptime_s` seconds since the last start and 0 when it does not run.
    """

    name: str
    state: str
    pid: int
    uptime_s: int
    why: str


def log_of(name: str) -> Path:
    """The log file of a program."""
    return paths.LOGS / f"{name}.log"


def render(programs: Sequence[Program], environment: Mapping[str, str]) -> str:
    """Render the configuration for `programs`; `environment` is given to all of them."""
    common = _assignments(environment)
    sections = [
        f"""\
[supervisord]
nodaemon=true
silent=true
user=root
logfile={_literal(log_of("supervisord"))}
logfile_maxbytes=10MB
logfile_backups=1
pidfile=/run/supervisord.pid
childlogdir={_literal(paths.LOGS)}
environment={common}

[unix_http_server]
file={_literal(SOCKET)}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    ]
    sections += [_section(program) for program in programs]
    return "\n".join(sections)


def command() -> list[str]:
    """How the node's first process becomes supervisord."""
    return [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(CONFIG)]


def _section(program: Program) -> str:
    # The digest of its files is part of a program's environment: supervisord restarts what has changed.
    digest = hashlib.sha256()
    for path in program.files:
        digest.update(path.read_bytes())
    environment = {**program.environment, "CODE_SANDBOX_CONFIG": digest.hexdigest()[:16]}
    return f"""\
[program:{program.name}]
command={_literal(shlex.join(str(part) for part in program.command))}
environment={_assignments(environment)}
autostart=false
autorestart=true
startsecs=1
startretries=6
stopasgroup=true
killasgroup=true
stopwaitsecs={program.stop_s}
redirect_stderr=true
stdout_logfile={_literal(log_of(program.name))}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
"""


def _assignments(environment: Mapping[str, str]) -> str:
    return ",".join(f'{key}="{_literal(value)}"' for key, value in sorted(environment.items()))


def _literal(text: object) -> str:
    """Quote supervisord's own expansion character."""
    return str(text).replace("%", "%%")


class _UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(str(SOCKET))


class _UnixTransport(xmlrpc.client.Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:  # noqa: ANN401 - the base class's type
        return _UnixConnection("localhost")


def _call(method: str, *args: object) -> Any:  # noqa: ANN401 - XML-RPC has no types
    with xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(), allow_none=True) as server:
        return getattr(server.supervisor, method)(*args)


def processes() -> list[Process]:
    """Every program's process.

    Errors:
        OSError: supervisord cannot be reached.
    """
    rows = cast("list[dict[str, Any]]", _call("getAllProcessInfo"))
    return [
        Process(
            name=row["name"],
            state=row["statename"],
            pid=row["pid"],
            uptime_s=row["now"] - row["start"] if row["pid"] else 0,
            why=row["spawnerr"] or row["description"],
        )
        for row in rows
    ]


def process(name: str) -> Process:
    """One program's process.

    Errors:
        KeyError: there is no such program.
        OSError: supervisord cannot be reached.
    """
    return {row.name: row for row in processes()}[name]


def update() -> None:
    """Make supervisord follow its configuration: stop what is gone or differs, know what is new. Starts nothing."""
    ((added, changed, removed),) = cast("list[tuple[list[str], list[str], list[str]]]", _call("reloadConfig"))
    for name in (*removed, *changed):
        _call("stopProcessGroup", name)
        _call("removeProcessGroup", name)
    for name in (*changed, *added):
        _call("addProcessGroup", name)


def start(name: str) -> None:
    """Start a program unless it runs; returns at once.

    Errors:
        KeyError: there is no such program.
    """
    if process(name).state in {"STOPPED", "EXITED", "FATAL"}:
        _call("startProcess", name, False)


def stop(name: str) -> None:
    """Stop a program and wait until it has ended.

    Errors:
        KeyError: there is no such program.
    """
    if process(name).state in {"RUNNING", "STARTING", "BACKOFF"}:
        _call("stopProcess", name)
