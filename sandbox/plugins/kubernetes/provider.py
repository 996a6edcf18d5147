"""The provider: what the engine asks, answered by the API server."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar, cast

from sandbox.plugins.kubernetes import checking, objects, settings
from sandbox.plugins.kubernetes.client import ApiError, Client, UnreachableError
from sandbox.plugins.kubernetes.connection import Connection, Connector
from sandbox.plugins.kubernetes.drift import inputs_seen
from sandbox.plugins.kubernetes.identity import Plan
from sandbox.plugins.kubernetes.immutable import replaced_paths
from sandbox.plugins.kubernetes.kinds import Kind, gvk_of
from sandbox.plugins.kubernetes.objects import Obj, annotation, bare, manifest, pick, redacted, split_id
from sandbox.plugins.kubernetes.preview import Log
from sandbox.plugins.kubernetes.writer import Writer, recorded_manager
from sandbox.plugins.kubernetes.writing import apply
from sandbox.plugins.provider import Diff, InitError, Provider, ProviderError, Resource, State, compare
from sandbox.plugins.values import Properties

DELETION_POLICY = "pulumi.com/deletionPropagationPolicy"
_POLICIES = {"orphan": "Orphan", "background": "Background"}

_HINT = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)


class KubernetesProvider(Provider):
    """Any kind of the API server. Calls come from many threads."""

    package: ClassVar[str] = "kubernetes"
    version: ClassVar[str] = "4.34.2"

    def __init__(self, log: Log) -> None:
        self._log = log
        self._settings = settings.Settings()
        self._plan = Plan()
        self._cancelled = threading.Event()
        self._connector = Connector(self._plan, log, self._cancelled)
        self._warned = threading.Lock()

    def check_config(self, config: Properties) -> Properties:
        """See `settings.check`."""
        return settings.check(config)

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """See `settings.diff`."""
        return settings.diff(olds, news)

    def configure(self, config: Properties) -> None:
        """Takes the arguments; connects only when a resource needs it."""
        self._settings = settings.read(config)

    def check(self, resource: Resource, olds: Properties | None, news: Properties, seed: bytes) -> Properties:
        """See `checking.check`."""
        connection = self._connect_or_warn(resource)
        if connection is None and self._settings.skip_update_unreachable and olds:
            return olds
        with _secrets_hidden(news):
            return checking.check(checking.Given(resource, olds, news, seed), connection, self._plan)

    def diff(self, resource: Resource, id: str, old: State, news: Properties) -> Diff:
        """Inputs against inputs: what others changed is in the old ones once a refresh has seen it."""
        before, after = cast(Obj, bare(old.inputs)), cast(Obj, bare(news))
        changes = compare(before, after).changes
        replaces = replaced_paths(
            list(changes),
            after,
            config_map_mutable=self._settings.enable_config_map_mutable,
            secret_mutable=self._settings.enable_secret_mutable,
        )
        # A name that the program fixes is taken until the old object is gone.
        name, namespace = pick(after, "metadata", "name"), pick(after, "metadata", "namespace")
        same_place = split_id(id) in ((namespace, name), ("", name))
        fixed = annotation(news, checking.AUTONAMED) != "true"
        return Diff(changes, replaces, delete_before_replace=bool(replaces) and same_place and fixed)

    def create(
        self, resource: Resource, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Applies the object and waits until it is ready."""
        with _secrets_hidden(inputs):
            if not preview:
                return self._writer(self._connector.connect(self._settings)).create(resource, inputs, timeout)
            connection = self._connect_or_warn(resource)
            return "", self._writer(connection).preview_create(resource, inputs) if connection else inputs

    def update(self, resource: Resource, old: State, news: Properties, *, preview: bool, timeout: float) -> Properties:
        """Applies the object anew and waits until it is ready."""
        with _secrets_hidden(news):
            if not preview:
                return self._writer(self._connector.connect(self._settings)).update(resource, old, news, timeout)
            connection = self._connect_or_warn(resource)
            return self._writer(connection).preview_update(resource, old, news) if connection else news

    def read(self, resource: Resource, id: str, inputs: Properties, outputs: Properties) -> State | None:
        """The object as it is; inputs show what others changed of ours."""
        try:
            connection = self._connector.connect(self._settings)
        except UnreachableError as error:
            return self._unreachable(resource, error, State(id, inputs, outputs))
        kind = _kind(connection, resource, inputs)
        if kind is None:
            return None  # its CRD is gone, and every object with it
        namespace, name = split_id(id)
        live = connection.client.find(kind.path(namespace or connection.namespace, name))
        if live is None:
            return None
        manager = recorded_manager(outputs)
        if pick(bare(inputs), "metadata", "name") is None:
            seen = objects.inputs_of_live(live)  # an import, or a look-up
            return State(objects.object_id(live), seen, objects.outputs(live, seen, manager))
        seen = inputs_seen(inputs, live, _reapplied(connection.client, kind, inputs, manager))
        state = objects.outputs(live, seen, manager)
        progress = connection.awaiter.progress_now(kind, live, inputs)
        if not progress.done:
            reason = f"Resource '{name}' was created but failed to initialize"
            raise InitError(id, state, seen, [reason, progress.message])
        return State(id, seen, state)

    def delete(self, resource: Resource, old: State, *, timeout: float) -> None:
        """Deletes the object, its dependents first, and waits until it is gone."""
        try:
            connection = self._connector.connect(self._settings)
        except UnreachableError as error:
            self._unreachable(resource, error, State(old.id, old.inputs, {}))
            return
        kind = _kind(connection, resource, old.inputs)
        if kind is None:
            return  # its CRD is gone, and every object with it
        policy = _POLICIES.get(annotation(old.inputs, DELETION_POLICY).lower(), "Foreground")
        try:
            path = kind.path(*split_id(old.id))
            live = connection.client.call("DELETE", path, {"propagationPolicy": policy}).body
        except ApiError as error:
            if error.status == 404:
                return
            raise
        if live.get("kind") != "Status":
            connection.awaiter.until_gone(resource.urn, kind, live, old.inputs, timeout=timeout)

    def cancel(self) -> None:
        """Ends every wait; what was applied is reported as created but not ready."""
        self._cancelled.set()
        self._connector.wake()

    def close(self) -> None:
        """Leaves nothing of previews behind."""
        self._connector.close()

    def _writer(self, connection: Connection) -> Writer:
        return Writer(connection, self._settings, self._plan, self._log, self._cancelled)

    def _connect_or_warn(self, resource: Resource) -> Connection | None:
        """The connection; where there is none, None, and a warning on the first resource that wanted it."""
        try:
            return self._connector.connect(self._settings)
        except UnreachableError as error:
            if self._warned.acquire(blocking=False):
                self._log.warning(resource.urn, f"{error}; nothing is checked against it")
            return None

    def _unreachable(self, resource: Resource, error: UnreachableError, state: State) -> State | None:
        """What becomes of a resource whose cluster is away: forgotten, kept as it was, or an error."""
        if self._settings.delete_unreachable:
            self._log.info(resource.urn, f"{error}; deleted from the Pulumi state, as deleteUnreachable asks")
            return None
        if self._settings.skip_update_unreachable and state.outputs:
            self._log.info(resource.urn, f"{error}; kept as it was, as skipUpdateUnreachable asks")
            return state
        raise ProviderError(f"{error}. {_HINT}") from error


@contextmanager
def _secrets_hidden(inputs: Properties) -> Generator[None]:
    """Errors without the secret values of the inputs."""
    try:
        yield
    except InitError:
        raise  # its lines are redacted where they are put together
    except ProviderError as error:
        raise ProviderError(redacted(str(error), inputs)) from None


def _kind(connection: Connection, resource: Resource, inputs: Properties) -> Kind | None:
    api_version, name = gvk_of(resource)
    given = bare(inputs.get("apiVersion"))
    return connection.kinds.find(given if isinstance(given, str) else api_version, name)


def _reapplied(client: Client, kind: Kind, inputs: Properties, manager: str) -> Obj:
    """The object as applying the inputs again would leave it; the inputs themselves, if the server will not say."""
    try:
        return apply(client, kind, manifest(inputs), manager, force=True, dry_run=True).body
    except ApiError:
        # We may only look, or something immutable was changed: compare with what we gave.
        return {key: value for key, value in manifest(inputs).items() if key != "stringData"}
