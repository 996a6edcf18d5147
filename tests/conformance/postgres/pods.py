"""Pods as these programs see them: a network without an outside, root not writable, one unprivileged user, own /tmp."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import psutil

from tests.waiting import until

USER = 65532
"""Of every container."""

_CLONE_NEWNET = 0x40000000
_P = ParamSpec("_P")
_T = TypeVar("_T")

_POD = f"""
set -eu
folder=$1 config=$2
shift 2
hostname "$POD_NAME"
mount -t tmpfs -o size=64m,mode=1777 none /tmp
mount --bind "$folder/run" /run
mount --bind "$folder/config" "$config"
mount -t tmpfs none /var/lib/postgresql
mkdir /var/lib/postgresql/data
mount --bind "$folder/data" /var/lib/postgresql/data
mount --bind "$folder/../shared" /mnt
for file in hosts passwd group; do mount --bind "$folder/../$file" "/etc/$file"; done
mount -o remount,bind,ro /
exec setpriv --reuid {USER} --regid {USER} --clear-groups --bounding-set -all --no-new-privs \\
    sh -c '"$@" & wait $!' sh "$@"
"""


class Network:
    """Where pods are, and this process when it asks: it has its loopback addresses and nothing else.

    All pods share the folder /mnt, in the place of an object store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy("/etc/group", folder / "group")
        (folder / "shared").mkdir()
        os.chown(folder / "shared", USER, USER)
        self._hosts: dict[str, str] = {}
        self.name("localhost", "127.0.0.1")
        others = [line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith("postgres:")]
        mine = f"postgres:x:{USER}:{USER}::/nonexistent:/usr/sbin/nologin"
        (folder / "passwd").write_text("\n".join([*others, mine, ""]))
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"up\n"
        self.path = f"/proc/{self._holder.pid}/ns/net"
        self._inside = ThreadPoolExecutor(1, initializer=_enter, initargs=(self.path,))

    def name(self, host: str, address: str) -> None:
        """Let a name lead to an address, whatever it led to before."""
        self._hosts[host] = address
        (self.folder / "hosts").write_text("".join(f"{to} {name}\n" for name, to in self._hosts.items()))

    def do(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Do something there: a socket that is made stays there, whoever uses it."""
        return self._inside.submit(work, *args, **kwargs).result()

    def close(self) -> None:
        """Nobody may be there any more."""
        self._inside.shutdown()
        self._holder.kill()
        self._holder.wait(timeout=10)


class Pod:
    """One container: what it runs, and the files that it finds."""

    def __init__(self, network: Network, name: str, config_dir: str) -> None:
        self.name, self._network, self._config_dir = name, network, config_dir
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=network.folder))
        self.folder.chmod(0o755)
        for part in ("run", "config", "data"):
            (self.folder / part).mkdir()
        os.chown(self.folder / "data", 0, USER)
        (self.folder / "data").chmod(0o2770)
        self._process: subprocess.Popen[bytes] | None = None
        self._env: Mapping[str, str] = {}

    def config(self, files: Mapping[str, str]) -> None:
        """Write its configuration."""
        for name, text in files.items():
            (self.folder / "config" / name).write_text(text)

    def secret(self, path: str, text: str) -> None:
        """Write a file as a mounted Secret has it: its path is below /run."""
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}")
        new.write_text(text)
        os.chown(new, 0, USER)
        new.chmod(0o440)
        new.rename(file)

    def start(self, command: Sequence[str], path: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        """Run a command; what it says goes to `log`."""
        alone = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--mount-proc", "--propagation", "private"]
        shell = ["sh", "-c", _POD, "sh", str(self.folder), self._config_dir]
        self._env = {
            "PATH": os.pathsep.join([*map(str, path), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
            "POD_NAME": self.name,
            "LANG": "C.UTF-8",
            **(env or {}),
        }
        self._process = self._logged(["nsenter", f"--net={self._network.path}", *alone, *shell, *command])

    @property
    def main(self) -> psutil.Process:
        """The process that was started, when it is there."""

        def found() -> psutil.Process | None:
            assert self._process is not None
            assert self._process.poll() is None, self.log[-2000:]
            # Ours, process 1 of the pod, its child.
            shells = psutil.Process(self._process.pid).children()
            children = shells[0].children() if shells else []
            return children[0] if children else None

        process = until(f"{self.name} runs", found, seconds=10)
        assert process is not None
        return process

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run something beside it, in the same pod, as the same user, to its end."""
        return subprocess.run(
            [*self._beside(), *command],
            env=self._env,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=120,
        )

    def start_beside(self, command: Sequence[str]) -> None:
        """Run a second container of the pod; it ends with the pod."""
        self._logged([*self._beside(), *command])

    def _beside(self) -> list[str]:
        inside = ["nsenter", "--target", str(self.main.pid), "--mount", "--uts", "--ipc", "--pid", "--net"]
        return [*inside, "setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--no-new-privs"]

    def _logged(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        """End all its processes, as a node's failure does."""
        if self._process is not None:
            # Process 1 takes all others with it. The one that waits for it would not: with the user changes the wish
            # to die with one's parent.
            for child in psutil.Process(self._process.pid).children() if self._process.poll() is None else ():
                child.kill()
            self._process.wait(timeout=20)
            self._process = None

    @property
    def log(self) -> str:
        """All that it said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""


def _enter(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path) as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
