"""Creates and updates: first as they would be, then as they are."""

import threading
from collections.abc import Generator

from sandbox.plugins.kubernetes.awaiting import NotReadyError
from sandbox.plugins.kubernetes.client import ApiError
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.identity import Plan, is_pulumis, new_field_manager
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import (
    FIELD_MANAGER,
    Obj,
    annotation,
    bare,
    manifest,
    mapped,
    object_id,
    outputs,
    pick,
    redacted,
    split_id,
)
from sandbox.plugins.kubernetes.preview import Log, preview_name
from sandbox.plugins.kubernetes.settings import Settings
from sandbox.plugins.kubernetes.writing import PATCH_FORCE, apply, exists_error, take_over
from sandbox.plugins.provider import InitError, ProviderError, Resource, State
from sandbox.plugins.values import Properties, has_unknown

APPEARS_S = 15.0
"""How long a create waits for its namespace, or for a CRD to serve its kind."""


class Writer:
    """Applies objects to one cluster."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        plan: Plan,
        log: Log,
        cancelled: threading.Event,
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._settings = settings
        self._plan = plan
        self._log = log
        self._cancelled = cancelled

    def preview_create(self, resource: Resource, inputs: Properties) -> Properties:
        """The outputs that a create would give.

        Errors:
            ProviderError: the API server would refuse it.
        """
        kind = self._connection.kinds.find(str(inputs["apiVersion"]), str(inputs["kind"]))
        alias = ""
        if not has_unknown(inputs):
            obj = manifest(inputs)
            if kind and self._is_taken(kind, obj):
                alias = preview_name(obj["metadata"]["name"])
        foretold = self._connection.previews.foretell(resource, inputs, new_field_manager(), alias=alias)
        if kind and kind.qualified == "namespaces" and isinstance(name := pick(foretold, "metadata", "name"), str):
            labels = mapped(bare(inputs), "metadata", "labels")
            self._plan.add_namespace(name, {key: text for key, text in labels.items() if isinstance(text, str)})
        return foretold

    def create(self, resource: Resource, inputs: Properties, timeout: float) -> tuple[str, Properties]:
        """Apply the object, wait until it is ready; its id and outputs.

        Errors:
            InitError: it exists, but is not ready in time.
            ProviderError: the API server refuses it.
        """
        kind = self._kind_in_time(inputs)
        obj = manifest(inputs)
        if not self._settings.upsert_existing_objects and self._find(kind, obj) is not None:
            raise exists_error(kind, obj["metadata"]["name"])
        manager = new_field_manager()
        try:
            applied = self._apply_in_time(kind, obj, manager, force=self._forces(inputs))
        except ApiError as error:
            raise ProviderError(
                f'resource "{resource.urn}" was not successfully created by the Kubernetes API server: {error}'
            ) from error
        state = self._settled(resource, kind, applied, inputs, manager, "created", timeout)
        return object_id(applied), state

    def preview_update(self, resource: Resource, old: State, news: Properties) -> Properties:
        """The outputs that an update would give; errors as for `preview_create`."""
        return self._connection.previews.foretell(resource, news, recorded_manager(old.outputs))

    def update(self, resource: Resource, old: State, news: Properties, timeout: float) -> Properties:
        """Apply the object anew, wait until it is ready; its outputs. Errors as for `create`."""
        manager = recorded_manager(old.outputs)
        kind = self._connection.kinds.need(str(news["apiVersion"]), str(news["kind"]))
        before = self._client.find(kind.path(*split_id(old.id)))
        if before is None:
            # Applying would make it anew, unnoticed.
            raise ProviderError(
                f'update of resource "{resource.urn}" failed: {kind.qualified} "{old.id}" not found; '
                "`pulumi refresh` takes note of it"
            )
        try:
            take_over(self._client, kind, before, manager)
            applied = apply(self._client, kind, manifest(news), manager, force=self._forces(news)).body
        except ApiError as error:
            raise ProviderError(f'update of resource "{resource.urn}" failed: {error}') from error
        return self._settled(resource, kind, applied, news, manager, "updated", timeout)

    def _is_taken(self, kind: Kind, obj: Obj) -> bool:
        """Whether the object's name is still taken by what it will replace (or what an update left behind).

        Errors:
            ProviderError: it is taken by something that is not Pulumi's.
        """
        if self._plan.namespace(obj["metadata"].get("namespace", "")) is not None:
            return False  # nothing is in there yet
        live = self._find(kind, obj)
        if live is None:
            return False
        if not is_pulumis(live):
            if self._settings.upsert_existing_objects:
                return False
            raise exists_error(kind, obj["metadata"]["name"])
        return True

    def _kind_in_time(self, inputs: Properties) -> Kind:
        """The kind of an object, waited for while its CRD may still be on its way."""
        api_version, name = str(inputs["apiVersion"]), str(inputs["kind"])
        for pause in _pauses():
            if kind := self._connection.kinds.find(api_version, name):
                return kind
            if self._cancelled.wait(pause):
                break
        raise ProviderError(
            f"creation of resource with kind {api_version}/{name} failed because the Kubernetes API server reported "
            "that the apiVersion for this resource does not exist. Verify that any required CRDs have been created"
        )

    def _apply_in_time(self, kind: Kind, obj: Obj, manager: str, *, force: bool) -> Obj:
        """Apply, waiting for a namespace that may still be on its way."""
        for pause in _pauses():
            try:
                return apply(self._client, kind, obj, manager, force=force).body
            except ApiError as error:
                if error.status != 404 or self._cancelled.wait(pause):
                    raise
        return apply(self._client, kind, obj, manager, force=force).body

    def _settled(
        self, resource: Resource, kind: Kind, applied: Obj, inputs: Properties, manager: str, done: str, timeout: float
    ) -> Properties:
        """The outputs of an object once it is ready.

        Errors:
            InitError: it exists; whatever happened since, the state must hold it.
        """
        try:
            live = self._connection.awaiter.until_ready(resource.urn, kind, applied, inputs, timeout=timeout)
        except ProviderError as error:
            latest, details = (error.live, error.details) if isinstance(error, NotReadyError) else (applied, [])
            reason = (
                f'resource "{resource.urn}" was successfully {done}, but the Kubernetes API server reported that it '
                f"failed to fully initialize or become live: {error}"
            )
            reasons = [redacted(line, inputs) for line in (reason, *details)]
            raise InitError(object_id(applied), outputs(latest, inputs, manager), inputs, reasons) from error
        return outputs(live, inputs, manager)

    def _forces(self, inputs: Properties) -> bool:
        return self._settings.enable_patch_force or annotation(inputs, PATCH_FORCE) == "true"

    def _find(self, kind: Kind, obj: Obj) -> Obj | None:
        return self._client.find(kind.path(obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))


def recorded_manager(state: Properties) -> str:
    """The field manager that a resource's outputs name, else a new one (an import)."""
    recorded = state.get(FIELD_MANAGER)
    return recorded if isinstance(recorded, str) else new_field_manager()


def _pauses() -> Generator[float]:
    """Seconds between attempts, doubling, `APPEARS_S` in all."""
    pause, total = 0.25, 0.0
    while total < APPEARS_S:
        yield pause
        total += pause
        pause *= 2
