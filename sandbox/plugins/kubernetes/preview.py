"""What a create or an update would do, and whether the API server would take it.

In order of trust: a dry run in the namespace itself; a dry run in a scratch namespace, where this update makes the
namespace; the API server's OpenAPI schema, where values are not known yet or a dry run is not to be had. Which one
it was is logged on the resource.
"""

from typing import Protocol

from sandbox.plugins.kubernetes.client import Answer, ApiError, Client
from sandbox.plugins.kubernetes.identity import Plan
from sandbox.plugins.kubernetes.kinds import Kind, Kinds
from sandbox.plugins.kubernetes.objects import Obj, manifest, mapped, pick, preview_outputs, spelled_for_server
from sandbox.plugins.kubernetes.schema import Schema, Schemas
from sandbox.plugins.kubernetes.scratch import ScratchNamespaces
from sandbox.plugins.kubernetes.settings import Settings
from sandbox.plugins.kubernetes.writing import apply, changed_by_hand
from sandbox.plugins.provider import ProviderError, Resource
from sandbox.plugins.values import Properties, has_unknown

_POD = Kind("v1", "Pod", "pods", namespaced=True)
_POD_NAME = "pulumi-dry-run"
_DEPRECATED = "deprecated"
_VIOLATION = "violates PodSecurity"
_PLANNED_TOO = ("serviceAccountName", "serviceAccount", "priorityClassName", "runtimeClassName")
"""What a pod refers to, that the same update may make: no part of its security."""


class Log(Protocol):
    """Where a preview says how it checked."""

    def info(self, urn: str, message: str) -> None:
        """A line that stays."""
        ...

    def status(self, urn: str, message: str) -> None:
        """A line that the next replaces."""
        ...

    def warning(self, urn: str, message: str) -> None:
        """A warning."""
        ...


class Previews:
    """Foretells, and refuses what the API server would refuse."""

    def __init__(
        self, client: Client, kinds: Kinds, schemas: Schemas, plan: Plan, log: Log, settings: Settings
    ) -> None:
        self._quiet = settings.suppress_deprecation_warnings
        self._client = client
        self._kinds = kinds
        self._schemas = schemas
        self._plan = plan
        self._log = log
        self.scratches = ScratchNamespaces(client)

    def foretell(self, resource: Resource, inputs: Properties, manager: str, *, alias: str = "") -> Properties:
        """The outputs that applying the inputs would give, unknown where the server decides.

        `alias` is the name to dry-run under, where the object's own is still taken by what it replaces.

        Errors:
            ProviderError: the API server, or its schema, refuses the manifest.
        """
        api_version, name = str(inputs["apiVersion"]), str(inputs["kind"])
        kind = self._kinds.find(api_version, name)
        if kind is None:
            return self._by_planned_definition(resource, inputs)
        if has_unknown(inputs):
            return self._by_schema(resource, inputs, "some values are not known yet")
        obj = manifest(inputs)
        try:
            where = self._where(kind, obj)
            dry = self._dry_run(resource, kind, obj, manager, where, alias or obj["metadata"]["name"])
        except _UnavailableError as error:
            return self._by_schema(resource, inputs, str(error))
        if where != obj["metadata"].get("namespace", ""):
            planned = obj["metadata"]["namespace"]
            how = f"checked by server-side dry run in a scratch namespace with the labels of {planned}"
        else:
            how = "checked by server-side dry run"
        self._log.status(resource.urn, how)
        return preview_outputs(dry, inputs)

    def _where(self, kind: Kind, obj: Obj) -> str:
        """The namespace to dry-run in, empty for kinds without."""
        namespace = obj["metadata"].get("namespace", "") if kind.namespaced else ""
        labels = self._plan.namespace(namespace) if namespace else None
        if labels is None:
            return namespace
        try:
            return self.scratches.standing_for(namespace, labels)
        except ApiError as error:
            raise _UnavailableError(f"no scratch namespace can be made for {namespace}: {error}") from error

    def _dry_run(self, resource: Resource, kind: Kind, obj: Obj, manager: str, where: str, name: str) -> Obj:
        metadata = obj["metadata"]
        moved = {**metadata, "name": name, **({"namespace": where} if where else {})}
        try:
            answer = self._applied(kind, {**obj, "metadata": moved}, manager)
            self._check_pod_template(obj, where)
        except ApiError as error:
            message = str(error).replace(where, metadata["namespace"]) if where else str(error)
            if why := _unavailable(error):
                raise _UnavailableError(f"{why}: {message}") from error
            raise ProviderError(
                f'the Kubernetes API server refuses {kind.name} "{metadata["name"]}": {message}'
            ) from error
        for warning in answer.warnings:
            if not (self._quiet and _DEPRECATED in warning):
                self._log.warning(resource.urn, warning)
        dry = answer.body
        given = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
        return {**dry, "metadata": {**dry["metadata"], **given}}

    def _applied(self, kind: Kind, obj: Obj, manager: str) -> Answer:
        try:
            return apply(self._client, kind, obj, manager, force=True, dry_run=True)
        except ApiError as error:
            metadata = obj["metadata"]
            live = self._client.find(kind.path(metadata.get("namespace", ""), metadata["name"]))
            if error.status != 422 or live is None or not changed_by_hand(live):
                raise
            # What others added by hand stands in the way of ours; the update will remove it first, a dry run cannot.
            renamed = {**metadata, "name": preview_name(metadata["name"])}
            return apply(self._client, kind, {**obj, "metadata": renamed}, manager, force=True, dry_run=True)

    def _check_pod_template(self, obj: Obj, where: str) -> None:
        """Have Pod Security judge the pods that a workload will make: of the workload itself it only warns."""
        template = pick(obj, "spec", "template") or pick(obj, "spec", "jobTemplate", "spec", "template")
        if not where or not pick(template, "spec", "containers"):
            return
        spec = {key: value for key, value in template["spec"].items() if key not in _PLANNED_TOO}
        metadata = {**mapped(template, "metadata"), "name": _POD_NAME, "namespace": where}
        try:
            self._client.call("POST", _POD.path(where), {"metadata": metadata, "spec": spec}, {"dryRun": "All"})
        except ApiError as error:
            if _VIOLATION in str(error):
                raise

    def _by_schema(self, resource: Resource, inputs: Properties, why: str) -> Properties:
        schema = self._schemas.of(str(inputs["apiVersion"]), str(inputs["kind"]))
        if schema is None:
            return self._unchecked(resource, inputs)
        self._refuse(resource, inputs, schema)
        self._log.info(resource.urn, f"checked against the API server's OpenAPI schema only, as {why}")
        return inputs

    def _by_planned_definition(self, resource: Resource, inputs: Properties) -> Properties:
        schema = self._plan.schema(str(inputs["apiVersion"]), str(inputs["kind"]))
        if schema is None:
            return self._unchecked(resource, inputs)
        self._refuse(resource, inputs, schema)
        self._log.info(resource.urn, "checked against the schema of the CustomResourceDefinition planned with it")
        return inputs

    def _unchecked(self, resource: Resource, inputs: Properties) -> Properties:
        known = f"{inputs['apiVersion']} {inputs['kind']}"
        self._log.info(resource.urn, f"not checked: the API server does not know {known} yet")
        return inputs

    def _refuse(self, resource: Resource, inputs: Properties, schema: Schema) -> None:
        failures = schema.failures(spelled_for_server(inputs))
        if failures:
            what = "; ".join(f"{failure.property}: {failure.reason}" for failure in failures)
            raise ProviderError(f"{inputs['kind']} {resource.name!r} does not fit the API server's schema: {what}")


def preview_name(name: str) -> str:
    """A name to dry-run under while an object has its own."""
    return f"{name[:50]}-preview"


class _UnavailableError(Exception):
    """No dry run is to be had; the message says why."""


def _unavailable(error: ApiError) -> str:
    """Why a refused dry run says nothing of the manifest; empty where it does."""
    message = str(error)
    if error.status == 404 and error.kind == "namespaces":
        return "the namespace does not exist yet"
    if error.status == 403 and " cannot " in message and " resource " in message:
        return "a dry run is not allowed"
    if error.status == 403 and "error looking up service account" in message:
        return "the service account does not exist yet"
    if error.status == 422 and "is already allocated" in message:
        return "its address is taken by what it replaces"
    if error.status == 400 and "does not support dry run" in message:
        return "an admission webhook does not support dry runs"
    return ""
