"""Live copies of what the API server holds: one list and one watch per kind and namespace, shared by all who wait."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.plugins.kubernetes.client import ApiError, CancelledError, Client, UnreachableError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Obj, listed, mapped, pick
from sandbox.plugins.provider import ProviderError

FIRST_LIST_S = 60.0
"""How long the first caller waits for a copy to be made, while the API server is away, say."""

WATCH_S = 240
"""A watch is renewed after so many seconds."""

_PAUSE_S = 0.5
"""Before a broken watch is taken up again."""


@dataclass
class _Copy:
    """What is known of one kind in one namespace."""

    objects: dict[str, Obj] = field(default_factory=dict[str, Obj])
    """By namespace/name."""
    synced: bool = False
    refused: ApiError | None = None


class Informers:
    """Keeps the copies; `changed` is notified whenever one of them changes. Copies live as long as the process."""

    def __init__(self, client: Client, cancelled: threading.Event) -> None:
        self._client = client
        self._cancelled = cancelled
        self._copies: dict[tuple[Kind, str], _Copy] = {}
        self.changed = threading.Condition()

    def objects(self, kind: Kind, namespace: str) -> list[Obj]:
        """All objects of a kind in a namespace (empty: everywhere), as last heard; the first call lists them.

        Errors:
            ApiError: we may not list or watch them.
            UnreachableError: the API server is away.
            CancelledError: the engine gave up.
        """
        return list(self._copy(kind, namespace).objects.values())

    def object(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """One object as last heard, None where there is none; errors as for `objects`."""
        return self._copy(kind, namespace).objects.get(f"{namespace}/{name}" if namespace else name)

    def _copy(self, kind: Kind, namespace: str) -> _Copy:
        key = (kind, namespace)
        with self.changed:
            copy = self._copies.get(key)
            if copy is None:
                copy = self._copies[key] = _Copy()
                threading.Thread(target=self._follow, args=(kind, namespace, copy), daemon=True).start()
            self.changed.wait_for(
                lambda: copy.synced or copy.refused is not None or self._cancelled.is_set(), FIRST_LIST_S
            )
            if copy.refused is not None:
                raise copy.refused
            if not copy.synced and self._cancelled.is_set():
                raise CancelledError("cancelled")
            if not copy.synced:
                raise UnreachableError(f"no list of {kind.plural} within {FIRST_LIST_S:g} s")
            return copy

    def _follow(self, kind: Kind, namespace: str, copy: _Copy) -> None:
        """List, then watch, for ever."""
        while True:
            try:
                version = self._list(kind, namespace, copy)
                while version:
                    version = self._watch(kind, namespace, copy, version)
            except ApiError as error:
                if error.status in (401, 403, 404, 405):
                    self._refuse(copy, error)
                    return
            except CancelledError:
                return
            except UnreachableError:
                pass  # the server may be restarting: what waits on us has its own time limit
            time.sleep(_PAUSE_S)

    def _list(self, kind: Kind, namespace: str, copy: _Copy) -> str:
        found = self._client.get(kind.path(namespace))
        # The items of a list do not say what they are.
        what = {"apiVersion": kind.api_version, "kind": kind.name}
        objects = {_key(item): {**what, **item} for item in listed(found, "items")}
        with self.changed:
            copy.objects = objects
            copy.synced = True
            self.changed.notify_all()
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, kind: Kind, namespace: str, copy: _Copy, version: str) -> str:
        """Follow one watch to its end; returns where to go on, empty to list anew."""
        for event in self._client.watch(kind.path(namespace), {"resourceVersion": version}, WATCH_S):
            what = mapped(event, "object")
            if event.get("type") == "ERROR":
                return ""  # 410: our version is too old
            version = str(pick(what, "metadata", "resourceVersion"))
            if event.get("type") == "BOOKMARK":
                continue
            with self.changed:
                if event.get("type") == "DELETED":
                    copy.objects.pop(_key(what), None)
                else:
                    copy.objects[_key(what)] = what
                self.changed.notify_all()
        return version

    def _refuse(self, copy: _Copy, error: ApiError) -> None:
        with self.changed:
            copy.refused = error
            self.changed.notify_all()


class World:
    """What a readiness rule may look at beside the object itself."""

    def __init__(self, informers: Informers, find: Callable[[str, str], Kind]) -> None:
        self._informers = informers
        self._find = find

    def all(self, api_version: str, kind: str, namespace: str) -> list[Obj]:
        """All objects of a kind in a namespace; none where we may not look."""
        try:
            return self._informers.objects(self._find(api_version, kind), namespace)
        except ProviderError:
            return []  # it only helps to explain; the object's own status decides


def _key(item: Obj) -> str:
    metadata = item["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]
