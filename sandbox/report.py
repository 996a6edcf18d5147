"""`status` and `logs`: what runs, and what it says."""

import os
import subprocess
import sys
from collections.abc import Sequence

from sandbox import packages, paths, state
from sandbox.cluster import docker, netns, settings, supervisor
from sandbox.errors import SandboxError


def status() -> None:
    """Print the processes, the endpoints, the owner and the versions of the running sandbox.

    Errors:
        SandboxError: none runs, or a process of it does not (after the table).
    """
    if not state.alive():
        raise SandboxError("no sandbox runs: start it with `python -m sandbox up`")
    try:
        processes = supervisor.processes()
    except OSError as error:
        raise SandboxError("the sandbox is not whole: complete it with `python -m sandbox up`") from error
    pids = netns.machine_pids()
    rows = [(p.name, p.state, str(pids.get(p.pid, "-")), _duration(p.uptime_s)) for p in processes]
    sys.stdout.write(table(("process", "state", "pid", "uptime"), rows))
    wanted = settings.load()
    owner = state.owner()
    facts = [
        ("owner", owner.checkout if owner else "unknown"),
        ("kubernetes", owner.kubernetes if owner else "unknown"),
        *((name, version) for name, version in packages.versions(packages.NODE).items()),
        ("API server", f"{wanted.api_url} (KUBECONFIG={settings.kubeconfig()})"),
        *((f"edge, {forward.name}", f"127.0.0.1:{forward.host}") for forward in wanted.edge),
        ("Docker engine", f"unix://{docker.SOCKET}"),
        ("registry", f"{settings.REGISTRY} inside the node"),
        ("logs", str(paths.LOGS)),
    ]
    sys.stdout.write("\n" + table(("what", "where"), facts))
    down = [p.name for p in processes if p.state != "RUNNING"]
    if down:
        raise SandboxError(f"not running: {', '.join(down)}; mend it with `python -m sandbox up`")


def logs(name: str | None, *, follow: bool) -> None:
    """Print the log `name`, and go on as it grows if `follow`; without a name, list the logs.

    Errors:
        SandboxError: there is no such log.
    """
    known = {path.stem: path for path in sorted(paths.LOGS.glob("*.log"))}
    if name is None:
        sys.stdout.write(table(("log", "file"), [(stem, str(path)) for stem, path in known.items()]))
        return
    if name not in known:
        raise SandboxError(f"no log of {name}; there are: {', '.join(known) or 'none, no sandbox runs'}")
    sys.stdout.flush()
    if follow:
        # By name: the file is replaced when it is rotated.
        os.execvp("tail", ["tail", "-n", "50", "-F", str(known[name])])  # noqa: S606 - tail takes over this process
    subprocess.run(["cat", str(known[name])], check=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under a head, columns aligned."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in lines
    )


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m{rest:02}s"
