"""The node's life: start it, bring a running one in line, end it."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sandbox import paths, progress
from sandbox.cluster import cgroups, control_plane, docker, health, netns, supervisor, worker
from sandbox.cluster.settings import RUN, STORES, Settings
from sandbox.cluster.supervisor import Program
from sandbox.errors import SandboxError

BOOT_LOG = paths.LOGS / "boot.log"
KEEPERS = frozenset({"dockerd", "docker-registry"})
"""The programs whose data outlives the sandbox."""


def programs(wanted: Settings, kubernetes: Path) -> list[Program]:
    """Write every configuration file; return the programs of a bare cluster node.

    Args:
        wanted: the node's settings.
        kubernetes: the folder with the Kubernetes binaries.
    """
    made = control_plane.keys(wanted)
    uplink = Program(
        name="uplink",
        command=[sys.executable, "-m", "sandbox.cluster.uplink"],
        environment={"PYTHONPATH": str(paths.CHECKOUT), **wanted.environment},
        order=10,
    )
    return [
        uplink,
        *docker.programs(wanted),
        *control_plane.programs(wanted, made, kubernetes),
        *worker.programs(wanted, made, kubernetes),
    ]


def adopt(programs: Sequence[Program]) -> None:
    """Make the node know exactly `programs`: boot it if it does not run, else stop what is gone or differs.

    Starts none of them: see `start`.

    Errors:
        SandboxError: the node's namespaces cannot be made.
    """
    for folder in (RUN / "tmp", RUN / "home", paths.LOGS, STORES / "docker", STORES / "registry"):
        folder.mkdir(parents=True, exist_ok=True)
    supervisor.CONFIG.write_text(supervisor.render(programs, _environment()))
    if _has_supervisor():
        supervisor.update()
    else:
        _boot()


def start(wanted: Settings, programs: Sequence[Program]) -> None:
    """Start those of `programs` that do not run, each when what it depends on is ready, and wait until all are.

    Errors:
        SandboxError: a program does not become ready; the end of its log is printed first.
    """
    for order in sorted({program.order for program in programs}):
        names = [program.name for program in programs if program.order == order]
        for name in names:
            supervisor.start(name)
        for check in (check for name in names for check in health.checks(wanted, name)):
            health.wait(check)


def stop() -> None:
    """End every process of the sandbox, and with them its namespaces; remove its cgroups. Nothing to do is success."""
    if _has_supervisor():
        known = {process.name for process in supervisor.processes()}
        # These two write into stores that stay; all else is about to be removed, and needs no farewell.
        for name in known.intersection(KEEPERS):
            with progress.step(f"stop {name}", supervisor.log_of(name)):
                supervisor.stop(name)
    with progress.step("end every process of the node"):
        cgroups.kill()
        cgroups.remove()


def _boot() -> None:
    """Make the namespaces and wait for supervisord in them."""
    # What is left of a node without its first process, or of one that was killed while it started.
    cgroups.kill()
    cgroups.remove()
    supervisor.SOCKET.unlink(missing_ok=True)
    docker.SOCKET.unlink(missing_ok=True)
    with progress.step("namespaces of the node", BOOT_LOG), BOOT_LOG.open("wb") as log:
        # A session of its own: Ctrl-C in the terminal is for the command, not for the node.
        done = subprocess.run(
            [sys.executable, "-m", "sandbox.cluster.boot"],
            cwd=paths.CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            health.show_tail(BOOT_LOG)
            raise SandboxError(f"the node's namespaces cannot be made (log: {BOOT_LOG})")
        _await_supervisor()


def run(*argv: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a command inside the node's namespaces; output is captured, the exit code is the caller's to judge."""
    return subprocess.run(
        ["nsenter", f"--target={netns.init_pid()}", "--all", "--", *argv], input=stdin, capture_output=True, check=False
    )


def enter() -> list[str]:
    """The start of a command line that runs the rest of it in the node's network.

    Errors:
        SandboxError: the node does not run.
    """
    return ["nsenter", f"--net=/proc/{netns.init_pid()}/ns/net", "--"]


def _environment() -> dict[str, str]:
    """What every program of the node gets."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(RUN / "home"),
        "TMPDIR": str(RUN / "tmp"),
        "CODE_SANDBOX_STATE": str(paths.STATE),
        "CODE_SANDBOX_CACHE": str(paths.CACHE),
    }


def _has_init() -> bool:
    try:
        netns.init_pid()
    except SandboxError:
        return False
    return True


def _has_supervisor() -> bool:
    if not _has_init():
        return False
    try:
        supervisor.processes()
    except OSError:
        return False
    return True


def _await_supervisor() -> None:
    deadline = time.monotonic() + 10
    while not _has_supervisor():
        if time.monotonic() > deadline or not _has_init():
            health.show_tail(supervisor.log_of("supervisord"))
            health.show_tail(BOOT_LOG)
            raise SandboxError(f"supervisord does not answer (log: {supervisor.log_of('supervisord')})")
        time.sleep(0.1)
