"""Inputs as the provider takes them: named, placed, marked secret, and refused where they name what nobody knows."""

from dataclasses import dataclass

from sandbox.plugins.kubernetes.awaiting import unsupported_wait
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.identity import Plan, auto_name
from sandbox.plugins.kubernetes.kinds import can_be_custom, gvk_of, refuse_unsupported
from sandbox.plugins.kubernetes.objects import annotation, bare, manifest, pick, secrets_marked, spelled_for_server
from sandbox.plugins.provider import CheckFailedError, Failure, ProviderError, Resource
from sandbox.plugins.values import Properties, Value, has_unknown, reveal

AUTONAMED = "pulumi.com/autonamed"
_CRD = "CustomResourceDefinition"
_UNSUPPORTED = ("pulumi.com/patchFieldManager", "pulumi.com/replaceUnready")


@dataclass(frozen=True)
class Given:
    """What the engine gives to a check."""

    resource: Resource
    olds: Properties | None
    """The resource's inputs in the state, None for a new one."""
    news: Properties
    seed: bytes


def check(given: Given, connection: Connection | None, plan: Plan) -> Properties:
    """The inputs of a resource, completed; where there is no connection, nothing is validated.

    Errors:
        CheckFailedError: properties that the kind does not have, annotations that we cannot follow.
        ProviderError: a type that is no kind of the API server.
    """
    api_version, name = gvk_of(given.resource)
    refuse_unsupported(given.resource, bare(given.news.get("kind")))
    inputs: Properties = {"apiVersion": api_version, "kind": name, **given.news}
    failures = _annotation_failures(inputs)
    if connection:
        failures += _place(inputs, connection)
    else:
        _put(inputs, pick(bare(given.olds or {}), "metadata", "namespace"))
    _name(given, inputs)
    if connection and not failures:
        api_version = str(inputs["apiVersion"])
        # A definition that comes or changes with this update counts before the API server has published it.
        schema = plan.schema(api_version, name) or connection.schemas.of(api_version, name)
        failures += schema.unknown_properties(spelled_for_server(inputs)) if schema else []
    if failures:
        raise CheckFailedError(failures)
    if name == _CRD and not has_unknown(inputs):
        plan.add_definition(manifest(inputs))
    return secrets_marked(inputs, inputs)


def _name(given: Given, inputs: Properties) -> None:
    """Give the object a name if the program does not; the one it has, where it was given one before."""
    metadata = reveal(inputs.get("metadata")) or {}
    if not isinstance(metadata, dict):
        return  # not known yet, or nonsense that the schema refuses
    if metadata.get("name") is not None:
        return
    if metadata.get("generateName") is not None:
        raise ProviderError("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
    if given.olds and annotation(given.olds, AUTONAMED) == "true":
        name: Value = pick(bare(given.olds), "metadata", "name")
    else:
        name = auto_name(given.resource.name, given.seed)
    named: Properties = {**metadata, "name": name}
    annotations = reveal(metadata.get("annotations")) or {}
    if isinstance(annotations, dict):
        named["annotations"] = {**annotations, AUTONAMED: "true"}
    inputs["metadata"] = named


def _annotation_failures(inputs: Properties) -> list[Failure]:
    failures = [
        Failure(
            f'metadata.annotations["{key}"]', "the stand-in for kubernetes does not support it; use PLUGINS=official"
        )
        for key in _UNSUPPORTED
        if annotation(inputs, key)
    ]
    if why := unsupported_wait(inputs):
        failures.append(Failure('metadata.annotations["pulumi.com/waitFor"]', why))
    return failures


def _place(inputs: Properties, connection: Connection) -> list[Failure]:
    """Put the object into the default namespace if it names none; fails where nobody serves its kind."""
    api_version, name = str(inputs["apiVersion"]), str(inputs["kind"])
    kind = connection.kinds.find(api_version, name)
    if kind is None and not can_be_custom(api_version):
        group = api_version.rpartition("/")[0]
        served = [v for v in connection.kinds.versions(group) if connection.kinds.find(v, name)]
        hint = f"; it serves {', '.join(served)} {name}" if served else ""
        return [Failure("apiVersion", f"the API server does not serve {api_version} {name}{hint}")]
    # What is not served yet comes from a CRD, and most of those have namespaces.
    if kind is None or kind.namespaced:
        _put(inputs, connection.namespace)
    return []


def _put(inputs: Properties, namespace: Value) -> None:
    metadata = reveal(inputs.get("metadata")) or {}
    if namespace and isinstance(metadata, dict) and reveal(metadata.get("namespace")) in (None, ""):
        inputs["metadata"] = {**metadata, "namespace": namespace}
