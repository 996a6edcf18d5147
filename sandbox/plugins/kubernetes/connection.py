"""Everything that hangs on one API server, made when the first call needs it."""

import threading
from dataclasses import dataclass

from sandbox.plugins.kubernetes import kubeconfig
from sandbox.plugins.kubernetes.awaiting import Awaiter
from sandbox.plugins.kubernetes.client import CancelledError, Client, UnreachableError
from sandbox.plugins.kubernetes.identity import Plan
from sandbox.plugins.kubernetes.kinds import Kinds
from sandbox.plugins.kubernetes.kubeconfig import KubeconfigError
from sandbox.plugins.kubernetes.preview import Log, Previews
from sandbox.plugins.kubernetes.schema import Schemas
from sandbox.plugins.kubernetes.settings import Settings

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True)
class Connection:
    """A cluster that has answered."""

    client: Client
    kinds: Kinds
    schemas: Schemas
    previews: Previews
    awaiter: Awaiter
    namespace: str
    """Where namespaced objects go that name no namespace."""


class Connector:
    """Connects once; what failed then is not tried again. Thread-safe."""

    def __init__(self, plan: Plan, log: Log, cancelled: threading.Event) -> None:
        self._plan = plan
        self._log = log
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._made: Connection | None = None
        self._reason = ""

    def connect(self, settings: Settings) -> Connection:
        """The connection.

        Errors:
            UnreachableError: the kubeconfig names no cluster, or the cluster does not answer.
        """
        with self._lock:
            if self._reason:
                raise UnreachableError(self._reason)
            if self._made is None:
                try:
                    self._made = self._connect(settings)
                except (KubeconfigError, UnreachableError, CancelledError) as error:
                    self._reason = f"configured Kubernetes cluster is unreachable: {error}"
                    raise UnreachableError(self._reason) from error
            return self._made

    def close(self) -> None:
        """Remove what previews left in the cluster."""
        if self._made:
            self._made.previews.scratches.remove_all()

    def wake(self) -> None:
        """Let all who wait look whether they are cancelled."""
        if self._made:
            self._made.awaiter.wake()

    def _connect(self, settings: Settings) -> Connection:
        access = kubeconfig.load(settings.kubeconfig, settings.context, settings.cluster)
        client = Client(access, self._cancelled)
        client.get("/version")
        kinds, schemas = Kinds(client), Schemas(client)
        previews = Previews(client, kinds, schemas, self._plan, self._log, settings)
        previews.scratches.sweep()
        return Connection(
            client=client,
            kinds=kinds,
            schemas=schemas,
            previews=previews,
            awaiter=Awaiter(client, kinds, self._log, self._cancelled),
            namespace=settings.namespace or access.namespace or DEFAULT_NAMESPACE,
        )
