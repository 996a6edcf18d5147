"""Kubernetes objects between Pulumi's property values and the API server's JSON."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from sandbox.plugins.values import UNKNOWN, Properties, Secret, Value, plain, with_secrets_of

Obj: TypeAlias = dict[str, Any]
"""A JSON object of the API server."""

INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"
"""Where the official provider keeps these in a resource's outputs: a stack may change from one to the other."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REVISION = "deployment.kubernetes.io/revision"

SERVER_METADATA = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
"""What only the API server writes."""

_REDACTED = "[secret]"
_SHORTEST_REDACTED = 4
"""Secrets shorter than this are not looked for in messages: they would match by chance."""

# The SDK cannot spell these names of the CRD schema with dashes.
_DASHED = {
    name.replace("-", "_"): name
    for name in (
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
}
_UNDERSCORED = {dashed: name for name, dashed in _DASHED.items()}


def pick(value: object, *path: str) -> Any:  # noqa: ANN401 (JSON)
    """What lies at a path of keys, None where there is nothing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = cast(Obj, value).get(key)
    return value


def mapped(value: object, *path: str) -> Obj:
    """The object at a path of keys, empty where there is none."""
    found = pick(value, *path)
    return cast(Obj, found) if isinstance(found, dict) else {}


def listed(value: object, *path: str) -> list[Any]:
    """The list at a path of keys, empty where there is none."""
    found = pick(value, *path)
    return cast(list[Any], found) if isinstance(found, list) else []


def bare(value: Value) -> Value:
    """The value without its secret wrappers; unknowns stay."""
    match value:
        case Secret():
            return bare(value.value)
        case dict():
            return {key: bare(item) for key, item in value.items()}
        case list():
            return [bare(item) for item in value]
        case _:
            return value


def manifest(inputs: Properties) -> Obj:
    """Inputs as the API server takes them.

    Errors:
        ValueError: they hold an unknown.
    """
    return _renamed(cast(Obj, plain(inputs)), _DASHED)


def spelled_for_server(inputs: Properties) -> Properties:
    """Inputs (unknowns and all) with the names that the API server's schema uses."""
    return _renamed(inputs, _DASHED)


def outputs(live: Obj, inputs: Properties, manager: str) -> Properties:
    """A resource's outputs: the live object, and what the provider must remember of it."""
    state = _renamed(live, _UNDERSCORED)
    metadata = {key: value for key, value in state.get("metadata", {}).items() if key != "managedFields"}
    state = {**state, "metadata": metadata}
    return {
        **secrets_marked(state, inputs),
        INPUTS: inputs,
        INITIAL_API_VERSION: live["apiVersion"],
        FIELD_MANAGER: manager,
    }


def preview_outputs(dry: Obj, inputs: Properties) -> Properties:
    """Outputs as a dry run foretells them: without status, and unknown where the server will choose."""
    metadata = {**dry["metadata"], **dict.fromkeys(("uid", "resourceVersion", "creationTimestamp"), UNKNOWN)}
    metadata.pop("managedFields", None)
    metadata.pop("generation", None)
    state = {key: value for key, value in dry.items() if key != "status"}
    state["metadata"] = metadata
    if dry["apiVersion"] == "v1" and dry["kind"] == "Service":
        given = mapped(bare(inputs), "spec")
        chosen = {key: UNKNOWN for key in ("clusterIP", "clusterIPs") if key in dry["spec"] and key not in given}
        state["spec"] = {**dry["spec"], **chosen}
    return secrets_marked(_renamed(state, _UNDERSCORED), inputs)


def secrets_marked(state: Properties, inputs: Properties) -> Properties:
    """An object with everything secret that is secret in the inputs, and all that a Secret holds."""
    marked = dict(cast(Properties, with_secrets_of(state, inputs)))
    if is_secret_kind(state):
        for key in ("data", "stringData"):
            if marked.get(key) is not None and not isinstance(marked[key], Secret):
                marked[key] = Secret(bare(marked[key]))
        metadata = marked.get("metadata")
        if isinstance(metadata, dict) and isinstance(annotations := metadata.get("annotations"), dict):
            shown = {k: Secret(v) if k == LAST_APPLIED else v for k, v in annotations.items()}
            marked["metadata"] = {**metadata, "annotations": shown}
    return marked


def is_secret_kind(state: Mapping[str, object]) -> bool:
    """Whether the object is a core Secret."""
    return state.get("kind") == "Secret" and state.get("apiVersion") == "v1"


def inputs_of_live(live: Obj) -> Properties:
    """The inputs that would describe a live object, for an import: all but what servers and controllers write."""
    state: Obj = {key: value for key, value in live.items() if key != "status"}
    metadata = {key: value for key, value in live["metadata"].items() if key not in SERVER_METADATA}
    annotations = {k: v for k, v in metadata.pop("annotations", {}).items() if k not in (LAST_APPLIED, REVISION)}
    if annotations:
        metadata["annotations"] = annotations
    state["metadata"] = metadata
    return secrets_marked(_renamed(state, _UNDERSCORED), {})


def redacted(message: str, inputs: Properties) -> str:
    """A message without the secret values that lie in the inputs (the API server quotes what it refuses)."""
    for text in sorted(_secret_texts(inputs, hidden=is_secret_kind(inputs)), key=len, reverse=True):
        if len(text) >= _SHORTEST_REDACTED:
            message = message.replace(text, _REDACTED)
    return message


def object_id(obj: Obj) -> str:
    """A resource's id: `<namespace>/<name>`, or the name alone where the kind has no namespaces."""
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]


def split_id(id: str) -> tuple[str, str]:
    """Namespace (empty where there is none) and name of an id."""
    namespace, _, name = id.rpartition("/")
    return namespace, name


def annotation(inputs: Properties, key: str) -> str:
    """The value of an annotation in inputs, empty where it is absent or not known yet."""
    value = pick(bare(inputs), "metadata", "annotations", key)
    return value if isinstance(value, str) else ""


def _secret_texts(value: Value, *, hidden: bool) -> Iterator[str]:
    match value:
        case Secret():
            yield from _secret_texts(value.value, hidden=True)
        case dict():
            for key, item in value.items():
                # Of a Secret, what it holds is hidden even where the program did not mark it.
                yield from _secret_texts(item, hidden=hidden and key not in ("apiVersion", "kind", "metadata", "type"))
        case list():
            for item in value:
                yield from _secret_texts(item, hidden=hidden)
        case str() if hidden:
            yield value
        case _:
            return


def _renamed(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 (any JSON in, the same shape out)
    if isinstance(value, dict):
        items = cast(Obj, value).items()
        return {names.get(key, key): _renamed(item, names) for key, item in items}
    if isinstance(value, list):
        return [_renamed(item, names) for item in cast(list[Any], value)]
    return Secret(_renamed(value.value, names)) if isinstance(value, Secret) else value
