"""Automatic names, field managers, and what a preview plans."""

import secrets
import threading

from sandbox.plugins.kubernetes.objects import Obj, listed
from sandbox.plugins.kubernetes.schema import Schema, defined_by

_PREFIX = "pulumi-kubernetes-"
_BYTES = 4


def new_field_manager() -> str:
    """A field manager for a new object, its own as with the official provider: `pulumi-kubernetes-<8 hex>`."""
    return _PREFIX + secrets.token_hex(_BYTES)


def auto_name(name: str, seed: bytes) -> str:
    """The name of an object that the program does not name: `<resource name>-<8 hex of the engine's seed>`."""
    return f"{name}-{(seed or secrets.token_bytes(_BYTES))[:_BYTES].hex()}"


def is_pulumis(live: Obj) -> bool:
    """Whether some resource of this provider applied the object."""
    return any(manager.startswith(_PREFIX) for manager in _appliers(live))


class Plan:
    """What the preview under way would create, as far as others depend on it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namespaces: dict[str, dict[str, str]] = {}
        self._definitions: list[Obj] = []

    def add_namespace(self, name: str, labels: dict[str, str]) -> None:
        """The update creates this namespace."""
        with self._lock:
            self._namespaces[name] = labels

    def namespace(self, name: str) -> dict[str, str] | None:
        """The labels of a namespace that the update creates, None where it does not."""
        with self._lock:
            return self._namespaces.get(name)

    def add_definition(self, crd: Obj) -> None:
        """The program declares this CustomResourceDefinition."""
        with self._lock:
            self._definitions.append(crd)

    def schema(self, api_version: str, kind: str) -> Schema | None:
        """The schema of a kind by the CustomResourceDefinition that the program declares for it, None without one."""
        with self._lock:
            found = [defined_by(crd, api_version, kind) for crd in self._definitions]
        return next(filter(None, found), None)


def _appliers(live: Obj) -> list[str]:
    entries = listed(live, "metadata", "managedFields")
    return [str(entry.get("manager")) for entry in entries if entry.get("operation") == "Apply"]
