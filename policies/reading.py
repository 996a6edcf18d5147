"""Strict reading of plain data: what is not what it should be is a violation, never an empty value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from policies.plain import UNKNOWN

T = TypeVar("T")


@dataclass(frozen=True)
class Violation:
    """What is wrong, and where."""

    path: str
    """The property, say `spec.template.spec.hostNetwork`; empty for the whole resource."""
    message: str
    """Goes on after the path: `is true: must be absent or false`."""

    def __str__(self) -> str:
        return f"{self.path or 'the resource'} {self.message}"


@dataclass(frozen=True)
class Read(Generic[T]):
    """What could be read, and what could not."""

    value: T
    wrong: tuple[Violation, ...] = ()


Object = Mapping[str, Any]
At = tuple[str, T]
"""A value and its path."""


def shown(value: object) -> str:
    """A value in a message."""
    if value is None:
        return "is absent"
    if value is UNKNOWN:
        return "is unknown in this preview"
    return f"is {value!r:.80}"


def not_as(path: str, value: object, wanted: str) -> Violation:
    """A value that is not what it must be."""
    return Violation(path, f"{shown(value)}: must be {wanted}")


def an_object(value: object, path: str, *, required: bool = False) -> Read[Object]:
    """An object; an absent one is empty, unless it is required."""
    if value is None and not required:
        return Read({})
    if isinstance(value, Mapping):
        return Read(cast("Object", value))
    return Read({}, (not_as(path, value, "an object"),))


def objects(value: object, path: str, *, required: bool = False) -> Read[list[At[Object]]]:
    """The objects of a list, each with its path; an absent or empty list has none, unless one is required."""
    listed = _a_list(value, path, required=required)
    found = [(f"{path}[{i}]", item) for i, item in enumerate(listed.value)]
    good = [(at, cast("Object", item)) for at, item in found if isinstance(item, Mapping)]
    bad = tuple(not_as(at, item, "an object") for at, item in found if not isinstance(item, Mapping))
    return Read(good, listed.wrong + bad)


def texts(value: object, path: str, *, required: bool = False) -> Read[list[At[str]]]:
    """The texts of a list, each with its path; an absent or empty list has none, unless one is required."""
    listed = _a_list(value, path, required=required)
    found = [(f"{path}[{i}]", item) for i, item in enumerate(listed.value)]
    good = [(at, item) for at, item in found if isinstance(item, str)]
    bad = tuple(not_as(at, item, "a text") for at, item in found if not isinstance(item, str))
    return Read(good, listed.wrong + bad)


def _a_list(value: object, path: str, *, required: bool) -> Read[list[object]]:
    if value is None and not required:
        return Read([])
    if not isinstance(value, list):
        return Read([], (not_as(path, value, "a list"),))
    items = cast("list[object]", value)
    return Read(items, (Violation(path, "is empty"),) if required and not items else ())
