"""The deployed drill stack: its clients' logs, its pods, and what can be done to them."""

import json
import subprocess
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from catalog import services
from sandbox import paths
from sandbox.engine import engine as engines
from tests.conformance.cli import Cli, make_project
from tests.drills.program import PREFIX
from tests.sandbox.harness import Cluster
from tests.waiting import until

DATA, BACKEND = f"{PREFIX}-data", f"{PREFIX}-backend"
RESTORE = f"{DATA}-restore"

_REDIS = "timeout 3 redis-cli --user health --tls --cacert /run/tls/ca.crt"
_REDIS_ROLE = f"REDISCLI_AUTH=$(cat /run/passwords/health) {_REDIS} ROLE"
_POSTGRES_ROLE = (
    *["timeout", "3", "psql", "--host=/tmp", "--username=postgres", "-XAtc"],
    "SELECT pg_is_in_recovery()",
)

PROGRAM = """
import json, os
from stacks.settings import Settings
from tests.drills.program import declare
declare(Settings.model_validate_json(os.environ["SETTINGS"]), os.environ["AUTHORITY_NAMESPACE"])
"""


@dataclass
class Acks:
    """What the clients logged, from when it was followed."""

    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def of(self, store: str, since: float = 0, until: float = float("inf")) -> list[dict[str, Any]]:
        """Acknowledged writes, in the order of time."""
        found = [line for line in list(self.lines) if line.get("store") == store and "tries" in line]
        return sorted((line for line in found if since <= line["t"] <= until), key=lambda line: line["t"])

    def gap(self, store: str, since: float) -> float:
        """Seconds of the longest time without an acknowledged write, from a moment on."""
        times = [since, *(line["t"] for line in self.of(store, since))]
        return max((later - earlier for earlier, later in pairwise(times)), default=-1)


class Site:
    """The drill stack in the sandbox."""

    def __init__(self, cluster: Cluster, folder: Path, settings: Mapping[str, Any]) -> None:
        self.cluster, self.settings, self.acks = cluster, dict(settings), Acks()
        engine = engines.find_or_build()
        make_project(engine, folder)
        self.cli = Cli(engine, folder)
        self.cli.environment |= {
            **{name: cluster.environment[name] for name in ("KUBECONFIG", "DOCKER_HOST")},
            "PYTHONPATH": str(paths.CHECKOUT),
            "AUTHORITY_NAMESPACE": "mcp-management",
        }
        for name in ("images", "catalog", "components", "stacks"):
            (self.cli.folder / name).symlink_to(paths.CHECKOUT / name)
        self.cli.program(PROGRAM)
        self._followed: dict[str, subprocess.Popen[str]] = {}
        self._stopped = threading.Event()
        self._follower = threading.Thread(target=self._follow, daemon=True)

    @property
    def data(self) -> dict[str, Any]:
        """The settings of the data layer."""
        return self.settings.setdefault("data", {})

    @property
    def members(self) -> int:
        """Of PostgreSQL, and of Redis."""
        return services.load().service("postgres-members").replicas.default

    def up(self, **data: object) -> float:
        """Deploy, with other settings of `data`; returns how long it took, in seconds."""
        self.settings["data"] = {**self.settings.get("data", {}), **data}
        self.cli.environment["SETTINGS"] = json.dumps(self.settings)
        began = time.monotonic()
        self.cli.ok("up", "--yes", "--skip-preview", timeout_s=1500)
        if not self._follower.is_alive():
            self._follower.start()
        return time.monotonic() - began

    def close(self) -> None:
        """Take all of it away, volumes too."""
        self._stopped.set()
        self.cli.ok("destroy", "--yes", "--skip-preview", timeout_s=900)
        self.cli.close()
        for process in self._followed.values():
            process.kill()
            process.wait()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl, which must succeed."""
        return self.cluster.kubectl(*arguments, stdin=stdin)

    def run(self, pod: str, *argv: str, namespace: str = DATA, stdin: str | None = None, seconds: float = 60) -> Any:  # noqa: ANN401
        """Run a program in a pod; the exit code is the caller's to judge."""
        return subprocess.run(
            ["kubectl", "exec", "--stdin", f"--namespace={namespace}", pod, "--", *argv],
            env=dict(self.cluster.environment),
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def ok(self, pod: str, *argv: str, namespace: str = DATA, stdin: str | None = None) -> str:
        """Run a program in a pod, which must succeed; what it prints."""
        done = self.run(pod, *argv, namespace=namespace, stdin=stdin)
        assert done.returncode == 0, f"{pod}: {' '.join(argv)[:80]}: {done.stdout}{done.stderr}"
        return done.stdout

    def client(self, name: str, source: str) -> Any:  # noqa: ANN401
        """Run Python in a client's pod."""
        return self.run(f"deploy/{name}", "python3", "-", namespace=BACKEND, stdin=source)

    def sql(self, pod: str, database: str, query: str) -> str:
        """Ask a member itself, as its superuser."""
        words = ("psql", "--host=/tmp", "--username=postgres", f"--dbname={database}", "-XAtq")
        return self.ok(pod, *words, f"--command={query}").strip()

    def primary(self, store: str, but: str = "") -> str:
        """The pod that is primary now, by what the members other than `but` say; empty while there is none."""
        for pod in (f"{store}-members-{ordinal}" for ordinal in range(self.members)):
            if pod == but:
                continue
            if store == "redis":
                asked = self.run(pod, "sh", "-c", _REDIS_ROLE, seconds=20)
                leads = asked.stdout.startswith("master")
            else:
                asked = self.run(pod, *_POSTGRES_ROLE, seconds=20)
                leads = asked.stdout.strip() == "f"
            if leads:
                return pod
        return ""

    def whole(self, store: str) -> bool:
        """Whether every member is ready, and follows."""
        listed = json.loads(self.kubectl("get", "pods", f"--namespace={DATA}", "--output=json"))
        members = [item for item in listed["items"] if item["metadata"]["name"].startswith(f"{store}-members-")]
        members = [item for item in members if item["metadata"]["name"].rsplit("-", 1)[1].isdigit()]
        ready = all(
            condition["status"] == "True"
            for item in members
            for condition in item["status"].get("conditions", [])
            if condition["type"] == "Ready"
        )
        if not ready or len(members) < self.members or not (primary := self.primary(store)):
            return False
        if store == "redis":
            said = self.redis(primary, "INFO", "replication")
            return f"connected_slaves:{self.members - 1}" in said
        asked = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        return int(self.sql(primary, "postgres", asked)) == self.members - 1

    def lost(self, store: str, client: str) -> int:
        """Acknowledged writes of a client that the store does not have."""
        acked = {(line["pod"], line["number"]) for line in self.acks.of(store) if line["pod"].startswith(client)}
        primary = self.primary(store)
        if store == "postgres":
            rows = self.sql(primary, client, "SELECT pod || ' ' || number FROM writes").splitlines()
            kept = {(pod, int(number)) for pod, number in (row.split() for row in rows)}
        else:
            pods = {pod for pod, _ in acked}
            kept = {
                (pod, int(number))
                for pod in pods
                for number in self.redis(primary, "ZRANGE", f"{client}:writes:{pod}", "0", "-1").split()
            }
        return len(acked - kept)

    def redis(self, pod: str, *words: str) -> str:
        """Ask a member itself, as its administrator."""
        script = (
            "REDISCLI_AUTH=$(cat /run/passwords/admin) exec timeout 10 redis-cli --user admin --tls "
            '--cacert /run/tls/ca.crt "$@"'
        )
        return self.ok(pod, "sh", "-c", script, "sh", *words)

    def other_primary(self, store: str, old: str, seconds: float = 60) -> str:
        """Who leads instead of `old`."""
        return until(f"{store}: another primary than {old}", lambda: self.primary(store, old), seconds=seconds)

    def stop(self, pod: str, program: str) -> list[int]:
        """SIGSTOP every process of a pod whose command line contains `program`; their numbers."""
        script = (
            'for d in /proc/[0-9]*; do if tr "\\0" " " <$d/cmdline 2>/dev/null | grep -qE -- "$1"; then '
            'p=${d#/proc/}; [ "$p" = $$ ] || { kill -STOP $p 2>/dev/null && echo $p; }; fi; done'
        )
        return [int(number) for number in self.ok(pod, "sh", "-c", script, "sh", program).split()]

    def proceed(self, pod: str, numbers: Sequence[int]) -> None:
        """SIGCONT; those that are gone meanwhile were restarted."""
        self.run(pod, "sh", "-c", f"kill -CONT {' '.join(map(str, numbers))} 2>/dev/null; true")

    @contextmanager
    def cut_off(self, pod: str) -> Generator[None]:
        """A pod whose network interface is down; afterwards it has its routes again, if it is still the same pod."""
        # Held open: the process may be another by then, the namespace is the pod's.
        with Path(f"/proc/{self._process(pod)}/ns/net").open() as namespace:

            def ip(*words: str, check: bool = False) -> str:
                command = ["nsenter", f"--net=/proc/self/fd/{namespace.fileno()}", "ip", *words]
                return subprocess.run(
                    command, capture_output=True, text=True, check=check, pass_fds=[namespace.fileno()]
                ).stdout

            # Neighbours first: other routes go by them.
            routes = sorted(ip("route", "show", check=True).splitlines(), key=lambda line: "via" in line)
            ip("link", "set", "eth0", "down", check=True)
            try:
                yield
            finally:
                ip("link", "set", "eth0", "up")
                for route in routes:
                    ip("route", "replace", *route.split())

    def _process(self, pod: str) -> int:
        """A process of the pod, as the machine numbers it."""
        uid = self.kubectl("get", "pod", f"--namespace={DATA}", pod, "--output=jsonpath={.metadata.uid}")
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if uid in (folder / "cgroup").read_text():
                    return int(folder.name)
        raise AssertionError(f"no process of {pod}")

    def _follow(self) -> None:
        """Read the logs of clients' pods as they come."""
        while not self._stopped.wait(1):
            listed = json.loads(self.kubectl("get", "pods", f"--namespace={BACKEND}", "--output=json"))
            for item in listed["items"]:
                name = item["metadata"]["name"]
                if name not in self._followed and item["status"].get("phase") == "Running":
                    command = ["kubectl", "logs", "--follow", f"--namespace={BACKEND}", name]
                    self._followed[name] = process = subprocess.Popen(
                        command, env=dict(self.cluster.environment), stdout=subprocess.PIPE, text=True
                    )
                    threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            if line.startswith("{"):
                self.acks.lines.append(json.loads(line))
