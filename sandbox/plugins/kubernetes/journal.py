"""Creates that are under way, on disk: what a killed update made is found again by the next.

The engine records a resource only when its create has returned. If the engine is killed before that, the object
exists and the state knows nothing of it: the official provider then makes another one under a new automatic name,
or fails because a fixed name is taken. Here a small file is written before each create and removed when the engine
ends the plugin in good order, since by then it has written the state. The files lie in the engine's own folder
(`PULUMI_HOME`). Where they are lost, behaviour is the official one.
"""

import hashlib
import json
import os
import socket
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.plugins.kubernetes.objects import Obj

_FOLDER = "stand-in-kubernetes"


@dataclass(frozen=True)
class Create:
    """One create: which resource is to become which object, applied by which field manager."""

    server: str
    urn: str
    api_version: str
    kind: str
    namespace: str
    name: str
    manager: str


class Journal:
    """The creates of this process, and those that ended processes left open. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._owner = owner_of(os.getpid())
        self._open: set[Path] = set()
        self._taken: set[tuple[str, str, str]] = set()
        self._left: dict[Path, Create] = {}
        for path in sorted(folder.glob("*.json")):
            noted = _read(path)
            if noted and is_over(noted["owner"]):
                self._left[path] = Create(**noted["create"])

    def begin(self, create: Create) -> None:
        """Note that this create begins."""
        path = self._path(create)
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"owner": self._owner, "create": asdict(create)}))
            self._open.add(path)

    def leave_open(self, create: Create) -> None:
        """Nobody knows how this create ended: `close` leaves its file for the next process."""
        with self._lock:
            self._open.discard(self._path(create))

    def left_open(self, server: str, urn: str, api_version: str, kind: str, namespace: str) -> Create | None:
        """The create of a resource that a process did not live to end, None where there is none."""
        wanted = (server, urn, api_version, kind, namespace)
        with self._lock:
            for create in self._left.values():
                if (create.server, create.urn, create.api_version, create.kind, create.namespace) == wanted:
                    return create
        return None

    def recorded(self, urn: str, namespace: str, name: str) -> None:
        """The state holds this object for the resource: its create is not open."""
        with self._lock:
            held = (urn, namespace, name)
            for path in [p for p, c in self._left.items() if (c.urn, c.namespace, c.name) == held]:
                del self._left[path]
                path.unlink(missing_ok=True)

    def take_over(self, create: Create) -> None:
        """This process takes over what that create made."""
        with self._lock:
            self._taken.add((create.urn, create.namespace, create.name))

    def took_over(self, urn: str, namespace: str, name: str) -> bool:
        """Whether this process took over this object for the resource: then it is not to be deleted for it either.

        The engine would ask that after a forced replacement (`--replace`), of which it tells a provider nothing, of
        a resource that it had recorded just before it was killed.
        """
        with self._lock:
            return (urn, namespace, name) in self._taken

    def close(self) -> None:
        """The engine has written its state: nothing that this process began is open any more."""
        with self._lock:
            for path in self._open:
                path.unlink(missing_ok=True)
            self._open.clear()

    def _path(self, create: Create) -> Path:
        digest = hashlib.sha256("\0".join(asdict(create).values()).encode()).hexdigest()
        return self._folder / f"{digest[:32]}.json"


def default_folder() -> Path:
    """Where the files lie."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / _FOLDER


def owner_of(pid: int) -> str:
    """A process by machine, number and start: the number alone may have been given to another since."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        started = "ended"
    return f"{socket.gethostname()}/{pid}/{started}"


def is_over(owner: str) -> bool:
    """Whether a process of this machine, as `owner_of` names it, has ended."""
    return owner.startswith(f"{socket.gethostname()}/") and owner != owner_of(_pid(owner))


def _pid(owner: str) -> int:
    number = owner.partition("/")[2].partition("/")[0]
    return int(number) if number.isdigit() else 0


def _read(path: Path) -> Obj:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # another process has just removed it, or was killed while it wrote
