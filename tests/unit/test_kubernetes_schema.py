"""The kubernetes stand-in: manifests against the API server's OpenAPI schema."""

from typing import Any

import pytest

from sandbox.plugins.kubernetes.schema import Schema
from sandbox.plugins.values import UNKNOWN, Properties, Secret, Value

PARTS: dict[str, Any] = {
    "Spec": {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": {"type": "string"},
            "replicas": {"type": "integer"},
            "policy": {"type": "string", "enum": ["Always", "Never"]},
            "port": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {}}},
            "free": {"type": "object"},
            "parts": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/Part"}], "default": {}}},
        },
    },
    "Part": {"type": "object", "properties": {"name": {"type": "string"}, "weight": {"type": "number"}}},
}
SCHEMA = Schema({"properties": {"spec": {"$ref": "#/components/schemas/Spec"}, "kind": {"type": "string"}}}, PARTS)


def spec(**values: Value) -> Properties:
    return {"kind": "X", "spec": {"image": "i", **values}}


def said(inputs: Properties) -> dict[str, str]:
    return {failure.property: failure.reason for failure in SCHEMA.failures(inputs)}


@pytest.mark.parametrize(
    "value",
    [
        {"replicas": 1},
        {"replicas": None},
        {"replicas": UNKNOWN},
        {"replicas": Secret(1)},
        {"port": 80},
        {"port": "http"},
        {"labels": {"anything": "goes"}},
        {"any": {"b": 1}},
        {"free": {"b": [1]}},
        {"parts": [{"name": "a", "weight": 1}, {"weight": 0.5}, UNKNOWN]},
        {"policy": "Never"},
    ],
)
def test_fits(value: Properties) -> None:
    assert said(spec(**value)) == {}


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        ({"imag": "i"}, "spec.imag", "unknown property; did you mean 'image'?"),
        ({"replicas": "one"}, "spec.replicas", "expected integer, got string"),
        ({"replicas": Secret("one")}, "spec.replicas", "expected integer, got string"),
        ({"replicas": True}, "spec.replicas", "expected integer, got boolean"),
        ({"labels": {"a.b/c": 1}}, 'spec.labels["a.b/c"]', "expected string, got integer"),
        ({"port": [1]}, "spec.port", "expected integer or string, got array"),
        ({"policy": "Sometimes"}, "spec.policy", "expected one of 'Always', 'Never', got 'Sometimes'"),
        ({"parts": [{}, {"nam": UNKNOWN}]}, "spec.parts[1].nam", "unknown property; did you mean 'name'?"),
        ({"image": None}, "spec.image", "missing required property"),
    ],
)
def test_does_not_fit(value: Properties, place: str, reason: str) -> None:
    assert said(spec(**value)) == {place: reason}


def test_unknown_properties_alone() -> None:
    wrong = spec(imag="i", replicas="one", zzz=1)
    found = {failure.property: failure.reason for failure in SCHEMA.unknown_properties(wrong)}
    assert found.keys() == {"spec.imag", "spec.zzz"}
    assert found["spec.zzz"].startswith("unknown property; known: any, free, image")
