"""Pulumi property values between the wire (protobuf Struct) and plain Python.

Numbers that are whole arrive as int, a secret as `Secret`, a value not yet known as `UNKNOWN`,
an asset or archive as `Asset`. The signatures are those of Pulumi's own wire format
(`sdk/go/common/resource`, `properties.go` and `sig/sig.go`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from google.protobuf import struct_pb2

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (the wire mark of a secret, not one)
_ASSETS: Final = frozenset({"c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7"})
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
# One marker per type the unknown will have; the string's stands for all of them on the way back.
_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS: Final = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Unknown:
    """The type of `UNKNOWN`, a value that only the update will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that Pulumi keeps encrypted in its state; its text form does not show it."""

    value: "Value"

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True)
class Asset:
    """An asset or archive, as it came over the wire."""

    fields: "Properties"


Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Secret | Unknown | Asset | None"
Properties: TypeAlias = dict[str, Value]
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


def decode(struct: struct_pb2.Struct) -> Properties:
    """Properties from the wire."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def encode(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """Properties for the wire."""
    struct = struct_pb2.Struct()
    _fill(struct, properties)
    return struct


def plain(value: Value) -> Plain:
    """The value without its secret wrappers.

    Errors:
        ValueError: it holds an unknown or an asset, which have no plain form.
    """

    def refuse(leaf: Unknown | Asset) -> Plain:
        raise ValueError(f"{leaf!r} has no plain value")

    return _plain(value, refuse)


def plain_where_known(value: Value) -> Plain:
    """The value without its secret wrappers, each unknown as null: for shape only, never for use."""
    return _plain(value, lambda _: None)


def has_unknown(value: Value) -> bool:
    """Whether an unknown lies anywhere in the value."""
    return _any(value, lambda leaf: isinstance(leaf, Unknown))


def has_secret(value: Value) -> bool:
    """Whether a secret lies anywhere in the value."""
    return _any(value, lambda leaf: isinstance(leaf, Secret))


def with_secrets_of(value: Value, like: Value) -> Value:
    """`value` with every place secret that is secret in `like` (what a provider read back, and what it was given)."""
    if isinstance(value, Secret):
        return value
    if isinstance(like, Secret):
        return Secret(value)
    if isinstance(value, dict) and isinstance(like, dict):
        return {key: with_secrets_of(item, like.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(like, list):
        if len(value) == len(like):
            return [with_secrets_of(item, other) for item, other in zip(value, like, strict=True)]
        # Places no longer match one by one: rather all of it secret than one shown.
        return Secret(value) if has_secret(like) else value
    return value


def reveal(value: Value) -> Value:
    """The value itself where it is a secret (one level)."""
    return value.value if isinstance(value, Secret) else value


def as_value(value: Plain) -> Value:
    """A plain value, seen as a property value (every plain value is one)."""
    return cast(Value, value)


def _decode(value: struct_pb2.Value) -> Value:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "struct_value":
            return _decode_object(value.struct_value)
        case _:
            return None


def _decode_object(struct: struct_pb2.Struct) -> Value:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else None
    if signature == _SECRET:
        return Secret(_decode(fields["value"]))
    if signature in _ASSETS:
        return Asset(decode(struct))
    if signature == _RESOURCE:
        # A resource given as a value stands for its id, as for providers that do not accept references.
        return _decode(fields["id"]) if "id" in fields else fields["urn"].string_value
    return decode(struct)


def _fill(struct: struct_pb2.Struct, properties: Mapping[str, Value]) -> None:
    # In place: a message that is given to a constructor is copied, and so would be each level of a deep schema.
    for key, value in properties.items():
        _encode(struct.fields[key], value)


def _encode(target: struct_pb2.Value, value: Value) -> None:
    match value:
        case None:
            target.null_value = struct_pb2.NULL_VALUE
        case bool():
            target.bool_value = value
        case int() | float():
            target.number_value = value
        case str():
            target.string_value = value
        case list():
            target.list_value.SetInParent()
            for item in value:
                _encode(target.list_value.values.add(), item)
        case dict():
            target.struct_value.SetInParent()
            _fill(target.struct_value, value)
        case Secret():
            _fill(target.struct_value, {_SIGNATURE: _SECRET, "value": value.value})
        case Asset():
            _fill(target.struct_value, value.fields)
        case Unknown():
            target.string_value = _UNKNOWN_STRING


def _plain(value: Value, leaf: Callable[[Unknown | Asset], Plain]) -> Plain:
    match value:
        case Secret():
            return _plain(value.value, leaf)
        case dict():
            return {key: _plain(item, leaf) for key, item in value.items()}
        case list():
            return [_plain(item, leaf) for item in value]
        case Unknown() | Asset():
            return leaf(value)
        case _:
            return value


def _any(value: Value, test: Callable[[Value], bool]) -> bool:
    if test(value):
        return True
    match value:
        case Secret():
            return _any(value.value, test)
        case Asset():
            return _any(value.fields, test)
        case dict():
            return any(_any(item, test) for item in value.values())
        case list():
            return any(_any(item, test) for item in value)
        case _:
            return False
