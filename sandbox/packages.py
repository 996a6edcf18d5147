"""The Debian packages that the sandbox is made of."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sandbox import paths, progress
from sandbox.errors import SandboxError

NODE = (
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "docker-registry",
    "docker.io",
    "etcd-server",
    "iproute2",
    "iptables",
    "runc",
    "slirp4netns",
    "util-linux",
)
"""What the node runs."""

LOG = paths.BUILD_LOGS / "apt.log"

_SERVICE_STARTERS = ("/usr/sbin/invoke-rc.d", "/usr/bin/deb-systemd-invoke")
"""What the packages' scripts start daemons with."""

_APT_GET = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300")


def versions(names: Sequence[str]) -> dict[str, str]:
    """The installed ones among the packages `names`, with their versions."""
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Status}\n", *names],
        capture_output=True,
        text=True,
        check=False,  # it fails when one is unknown, and still answers for the others
    )
    rows = [line.split() for line in asked.stdout.splitlines()]
    return {row[0]: row[1] for row in rows if row[-1] == "installed"}


def install(names: Sequence[str]) -> None:
    """Install those of `names` that are missing, without starting any daemon. Nothing to do costs a query.

    Errors:
        SandboxError: apt-get fails; the log is named.
    """
    wanted = sorted(set(names) - set(versions(names)))
    if not wanted:
        return
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_bytes(b"")
    with progress.step(f"install {' '.join(wanted)}", LOG):
        # An installation that was killed half-way is completed first.
        _run("dpkg", "--configure", "-a")
        install = (*_APT_GET, "install", "--no-install-recommends", *wanted)
        # The package lists are fetched only if what they say does not do.
        if _run(*install) and (_run(*_APT_GET, "update") or _run(*install)):
            last = [line for line in LOG.read_text(errors="replace").splitlines() if line.startswith("E:")][-1:]
            raise SandboxError(f"apt-get cannot install {' '.join(wanted)}: {''.join(last)} (log: {LOG})")


def _run(*command: str) -> int:
    """Run a package manager where it can start no service; return its exit code.

    The programs that start services are hidden behind `true` in a mount namespace of the command's own, so nothing is
    left behind even if it is killed. It runs in a session of its own: Ctrl-C must not leave a package half-configured.
    """
    hide = " && ".join(f"mount --bind /bin/true {path}" for path in _SERVICE_STARTERS if Path(path).exists())
    alone = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{hide or "true"} && exec "$@"', "sh"]
    with (
        LOG.open("ab") as log,
        # Not subprocess.run, which kills its process when it is interrupted itself: this one goes on to its end.
        subprocess.Popen(
            [*alone, *command],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        return process.wait()
