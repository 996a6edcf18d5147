"""Scratch namespaces: where a preview dry-runs what belongs into a namespace that does not exist yet.

Nothing is ever created inside. Each carries the planned labels, so that admission judges as it will (Pod Security),
and is removed when the plugin ends; one that a killed plugin left behind is removed by the next.
"""

import os
import socket
import threading
import uuid
from pathlib import Path

from sandbox.plugins.kubernetes.client import ApiError, Client
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import listed, pick

PREFIX = "pulumi-dry-run-"
LABEL = "pulumi.com/dry-run"
OWNER = "pulumi.com/dry-run-owner"

_NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
_SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts", namespaced=True)


class ScratchNamespaces:
    """Makes one scratch namespace for each planned one. Thread-safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._made: dict[str, str] = {}

    def standing_for(self, planned: str, labels: dict[str, str]) -> str:
        """The scratch namespace that stands for a planned one.

        Errors:
            ApiError: it cannot be made (we may not create namespaces, say).
        """
        with self._lock:
            if planned not in self._made:
                self._make(planned, labels)
            return self._made[planned]

    def remove_all(self) -> None:
        """Have the API server delete what was made here; does not wait."""
        for name in self._made.values():
            self._remove(name)

    def sweep(self) -> None:
        """Remove what plugins of this machine left behind that no longer run, as far as we may."""
        try:
            found = self._client.get(_NAMESPACE.path(""), {"labelSelector": f"{LABEL}=true"})
        except ApiError as error:
            if error.status == 403:
                return
            raise
        for item in listed(found, "items"):
            if is_over(str(pick(item, "metadata", "annotations", OWNER))):
                self._remove(item["metadata"]["name"])

    def _make(self, planned: str, labels: dict[str, str]) -> None:
        name = PREFIX + uuid.uuid4().hex[:8]
        metadata = {"name": name, "labels": {**labels, LABEL: "true"}, "annotations": {OWNER: owner_of(os.getpid())}}
        self._client.call("POST", _NAMESPACE.path(""), {"metadata": metadata})
        self._made[planned] = name
        # A controller makes this account a moment later, but a dry run of a pod needs it now.
        account = {"metadata": {"name": "default", "namespace": name}}
        try:
            self._client.call("POST", _SERVICE_ACCOUNT.path(name), account)
        except ApiError as error:
            if error.status != 409:
                raise

    def _remove(self, name: str) -> None:
        try:
            self._client.call("DELETE", _NAMESPACE.path("", name))
        except ApiError as error:
            # Gone or going; or not ours to remove: whoever may make namespaces will.
            if error.status not in (403, 404, 409):
                raise


def owner_of(pid: int) -> str:
    """A process by machine, number and start: the number alone may have been given to another since."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        started = "ended"
    return f"{socket.gethostname()}/{pid}/{started}"


def is_over(owner: str) -> bool:
    """Whether a process of this machine, as `owner_of` names it, has ended."""
    number = owner.partition("/")[2].partition("/")[0]
    pid = int(number) if number.isdigit() else 0
    return owner.startswith(f"{socket.gethostname()}/") and owner != owner_of(pid)
