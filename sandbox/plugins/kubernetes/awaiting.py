"""Waiting until an object is ready, or gone, with a line that says for what."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from sandbox.plugins.kubernetes import diagnosis, readiness
from sandbox.plugins.kubernetes.client import CancelledError, Client
from sandbox.plugins.kubernetes.informers import Informers, World
from sandbox.plugins.kubernetes.kinds import Kind, Kinds
from sandbox.plugins.kubernetes.objects import Obj, annotation, listed
from sandbox.plugins.kubernetes.readiness import Progress, Rule, Situation
from sandbox.plugins.provider import ProviderError
from sandbox.plugins.values import Properties

DEFAULT_TIMEOUT_S = 600.0
"""As in the official provider, unless the program says otherwise."""

_TICK_S = 1.0
"""Rules that depend on time, time limits and cancellation are looked at this often; changes at once."""

SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
WAIT_FOR = "pulumi.com/waitFor"
_CONDITION = "condition="

_SKIPS_ON_DELETE = frozenset(
    {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}
)
"""The kinds whose deletion is not waited for either under `skipAwait`."""


class NotReadyError(ProviderError):
    """An object that did not become ready."""

    def __init__(self, message: str, live: Obj, details: list[str]) -> None:
        super().__init__(message)
        self.live = live
        self.details = details


class Status(Protocol):
    """Where status lines go."""

    def status(self, urn: str, message: str) -> None:
        """Show what is being waited for now."""
        ...


class Awaiter:
    """Waits for objects, in the threads of the calls that need them."""

    def __init__(self, client: Client, kinds: Kinds, log: Status, cancelled: threading.Event) -> None:
        self._client = client
        self._kinds = kinds
        self._log = log
        self._cancelled = cancelled
        self._informers = Informers(client, cancelled)
        self._world = World(self._informers, kinds.need)

    def wake(self) -> None:
        """Let all who wait look whether they are cancelled."""
        with self._informers.changed:
            self._informers.changed.notify_all()

    def until_ready(self, urn: str, kind: Kind, applied: Obj, inputs: Properties, *, timeout: float) -> Obj:
        """The object once its kind's rule is met.

        Errors:
            NotReadyError: it failed, or the time is over, or the engine cancelled.
        """
        rule = rule_for(inputs, kind)
        if rule is None:
            return applied
        namespace, name = applied["metadata"].get("namespace", ""), applied["metadata"]["name"]
        began = time.monotonic()
        latest = applied

        def look() -> Progress:
            nonlocal latest
            live = self._informers.object(kind, namespace, name)
            if live is None or _older(live, applied):
                return Progress(False, "Waiting for the API server's news")
            latest = live
            return rule(Situation(live, self._world, time.monotonic() - began))

        limit = time_limit(inputs, timeout)
        progress = self._until(urn, look, began + limit, lambda: self._with_trouble(kind, latest))
        if progress.done:
            return latest
        if self._cancelled.is_set():
            raise NotReadyError(f"Resource operation was cancelled for {name!r}", latest, [progress.message])
        message = progress.message if progress.failed else f"'{name}' timed out after {limit:g} s waiting to be Ready"
        details = [] if progress.failed else [progress.message]
        raise NotReadyError(message, latest, [*details, *diagnosis.reasons(self._client, self._kinds, latest)])

    def progress_now(self, kind: Kind, live: Obj, inputs: Properties) -> Progress:
        """Whether an object is ready at this moment."""
        rule = rule_for(inputs, kind)
        return rule(Situation(live, self._world)) if rule else readiness.READY

    def until_gone(self, urn: str, kind: Kind, live: Obj, inputs: Properties, *, timeout: float) -> None:
        """Return once the object no longer exists.

        Errors:
            NotReadyError: the time is over: what holds it back is named.
            CancelledError: the engine gave up.
        """
        if annotation(inputs, SKIP_AWAIT) == "true" and kind.name in _SKIPS_ON_DELETE:
            return
        metadata = live["metadata"]
        namespace, name, uid = metadata.get("namespace", ""), metadata["name"], metadata["uid"]
        latest = live

        def look() -> Progress:
            nonlocal latest
            found = self._informers.object(kind, namespace, name)
            if found is None or found["metadata"]["uid"] != uid:
                return readiness.READY
            latest = found
            return Progress(False, f"Waiting for deletion{_holding(found)}")

        limit = time_limit(inputs, timeout)
        progress = self._until(urn, look, time.monotonic() + limit, lambda: "")
        if self._cancelled.is_set() and not progress.done:
            raise CancelledError(f"Resource operation was cancelled for {name!r}")
        if not progress.done:
            message = f"'{name}' timed out after {limit:g} s waiting to be deleted{_holding(latest)}"
            raise NotReadyError(message, latest, [])

    def _until(self, urn: str, look: Callable[[], Progress], ends: float, detail: Callable[[], str]) -> Progress:
        """Look at every change until it is done, has failed, is cancelled, or the time is over."""
        shown = ""
        while True:
            progress = look()
            left = ends - time.monotonic()
            if progress.done or progress.failed or left <= 0 or self._cancelled.is_set():
                if shown:
                    self._log.status(urn, "")
                return progress
            line = f"{progress.message}{detail()}"
            if line != shown:
                self._log.status(urn, line)
                shown = line
            with self._informers.changed:
                self._informers.changed.wait(min(left, _TICK_S))

    def _with_trouble(self, kind: Kind, obj: Obj) -> str:
        """The first pod's trouble, for the status line of a workload."""
        if kind.name not in ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"):
            return ""
        namespace = obj["metadata"]["namespace"]
        pods = self._world.all("v1", "Pod", namespace)
        sets = self._world.all("apps/v1", "ReplicaSet", namespace) if kind.name == "Deployment" else []
        found = (diagnosis.trouble(pod) for pod in diagnosis.pods_of({**obj, "kind": kind.name}, pods, sets))
        worst = next(filter(None, found), "")
        return f": {worst}" if worst else ""


def rule_for(inputs: Properties, kind: Kind) -> Rule | None:
    """What to wait for, by the annotations and by the kind; None for nothing."""
    if annotation(inputs, SKIP_AWAIT) == "true":
        return None
    if wanted := annotation(inputs, WAIT_FOR):
        return readiness.awaited_condition(wanted.removeprefix(_CONDITION))
    return readiness.rule_for(kind.api_version, kind.name)


def unsupported_wait(inputs: Properties) -> str:
    """Why a `pulumi.com/waitFor` cannot be followed here, empty where it can."""
    wanted = annotation(inputs, WAIT_FOR)
    if wanted and not wanted.startswith(_CONDITION):
        return (
            f"the stand-in for kubernetes waits for {_CONDITION}<type> only, not for {wanted!r}; use PLUGINS=official"
        )
    return ""


def time_limit(inputs: Properties, timeout: float) -> float:
    """Seconds to wait: the resource option, else the annotation, else ten minutes."""
    noted = annotation(inputs, TIMEOUT_SECONDS)
    return timeout or (float(noted) if noted.isdigit() else DEFAULT_TIMEOUT_S)


def _older(live: Obj, applied: Obj) -> bool:
    """Whether the watch has not yet brought what we applied (since Kubernetes 1.35 versions may be compared)."""
    if live["metadata"]["uid"] != applied["metadata"]["uid"]:
        return True
    return int(live["metadata"]["resourceVersion"]) < int(applied["metadata"]["resourceVersion"])


def _holding(obj: Obj) -> str:
    """What keeps an object that is being deleted."""
    stuck = [item for item in listed(obj, "status", "conditions") if item.get("status") == "True"]
    if obj.get("kind") == "Namespace" and stuck:
        return f": [{stuck[-1].get('reason')}] {stuck[-1].get('message')}"
    held = listed(obj, "metadata", "finalizers")
    return f": held by the finalizers {', '.join(held)}" if held else ""
