"""The API server's own OpenAPI v3 schema, as a check of manifests: what is unknown, missing or of a wrong type.

Served at `/openapi/v3/<group version>`; for kinds of a CRD it is the CRD's schema.
"""

import difflib
import threading
from collections.abc import Iterator
from typing import Any, cast

from sandbox.plugins.kubernetes.client import Client
from sandbox.plugins.kubernetes.objects import Obj, listed, mapped, pick
from sandbox.plugins.provider import Failure, join
from sandbox.plugins.values import Asset, Properties, Secret, Unknown, Value

_GVK = "x-kubernetes-group-version-kind"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_ANY: Obj = {}
_REF = "#/components/schemas/"


class Schemas:
    """The schemas of the API server, each group version fetched once. Thread-safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._documents: dict[str, Obj] = {}
        self._kinds: dict[tuple[str, str], Schema] = {}

    def of(self, api_version: str, kind: str) -> "Schema | None":
        """The schema of a kind, None where the API server publishes none (yet)."""
        with self._lock:
            if (api_version, kind) not in self._kinds:
                self._load(api_version)
            return self._kinds.get((api_version, kind))

    def _load(self, api_version: str) -> None:
        place = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        document = self._client.find(f"/openapi/v3/{place}") or {}
        schemas = cast(Obj, document.get("components", {}).get("schemas", {}))
        for node in schemas.values():
            for gvk in node.get(_GVK, []):
                served = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
                self._kinds[served, gvk["kind"]] = Schema(node, schemas)


class Schema:
    """One kind's schema."""

    def __init__(self, node: Obj, schemas: Obj) -> None:
        self._node = node
        self._schemas = schemas

    def unknown_properties(self, inputs: Properties) -> list[Failure]:
        """Every property that the schema does not have, with the nearest that it has."""
        return [failure for failure in self._walk(self._node, inputs, "") if failure.reason.startswith("unknown")]

    def failures(self, inputs: Properties) -> list[Failure]:
        """Everything wrong, as far as values are known: unknown, missing, of a wrong type, not of the allowed."""
        return list(self._walk(self._node, inputs, ""))

    def _walk(self, node: Obj, value: Value, path: str) -> Iterator[Failure]:
        schema = self._resolved(node)
        if isinstance(value, Secret):
            value = value.value
        if value is None or isinstance(value, Unknown | Asset):
            return
        if not _allowed(schema, value):
            yield Failure(path, f"expected {_expected(schema)}, got {_type(value)}")
        elif (allowed := schema.get("enum")) and value not in allowed:
            yield Failure(path, f"expected one of {', '.join(map(repr, allowed))}, got {value!r}")
        elif isinstance(value, dict):
            yield from self._walk_object(schema, value, path)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._walk(mapped(schema, "items"), item, f"{path}[{index}]")

    def _walk_object(self, schema: Obj, value: Properties, path: str) -> Iterator[Failure]:
        known = mapped(schema, "properties")
        extra = schema.get("additionalProperties")
        # A schema without properties says nothing of them: any JSON, say.
        open_ended = not known or bool(schema.get(_PRESERVE)) or extra is True
        for key, item in value.items():
            place = join(path, key)
            if key in known:
                yield from self._walk(known[key], item, place)
            elif isinstance(extra, dict):
                yield from self._walk(cast(Obj, extra), item, place)
            elif not open_ended and not (schema.get(_EMBEDDED) and key in ("apiVersion", "kind", "metadata")):
                yield Failure(place, f"unknown property{_nearest(key, known)}")
        for key in listed(schema, "required"):
            if value.get(key) is None:
                yield Failure(join(path, key), "missing required property")

    def _resolved(self, node: Obj) -> Obj:
        """A schema with its references followed; `allOf` holds one of them wherever the server uses it."""
        while True:
            if ref := node.get("$ref"):
                node = self._schemas[str(ref).removeprefix(_REF)]
            elif (parts := node.get("allOf")) and "properties" not in node and "$ref" in parts[0]:
                node = parts[0]
            else:
                return node


def defined_by(crd: Obj, api_version: str, kind: str) -> Schema | None:
    """The schema that a CustomResourceDefinition gives a kind, None where it defines another."""
    group, _, wanted = api_version.rpartition("/")
    if pick(crd, "spec", "group") != group or pick(crd, "spec", "names", "kind") != kind:
        return None
    for version in listed(crd, "spec", "versions"):
        if pick(version, "name") == wanted:
            node = mapped(version, "schema", "openAPIV3Schema")
            common = dict.fromkeys(("apiVersion", "kind", "metadata"), _ANY)
            return Schema({**node, "properties": {**common, **mapped(node, "properties")}}, {})
    return None


def _types(schema: Obj) -> list[str]:
    if schema.get(_INT_OR_STRING) or schema.get("format") == "int-or-string":
        return ["integer", "string"]
    choices: list[Obj] = listed(schema, "oneOf") or listed(schema, "anyOf")
    if named := [str(choice["type"]) for choice in choices if "type" in choice]:
        return named
    return [str(schema["type"])] if "type" in schema else []


def _allowed(schema: Obj, value: Value) -> bool:
    types = _types(schema)
    return not types or _type(value) in types or (_type(value) == "integer" and "number" in types)


def _type(value: Any) -> str:  # noqa: ANN401 (JSON)
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _expected(schema: Obj) -> str:
    return " or ".join(_types(schema))


def _nearest(key: str, known: Obj) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"
