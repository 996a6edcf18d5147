"""Which inputs a resource type has, read off the `*Args` classes of the official SDK.

So a stand-in refuses what the official provider's schema refuses: unknown names (with the nearest
known one), missing required ones, and scalars of the wrong type, at any depth.
"""

import difflib
import inspect
import sys
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, cast

import pulumi

from sandbox.plugins.provider import Failure, join
from sandbox.plugins.values import Properties, Secret, Unknown, Value


def check_inputs(args: type, inputs: Properties) -> list[Failure]:
    """Everything in `inputs` that the Args class of a resource does not allow."""
    return list(_check_object(args, inputs, ""))


@cache
def input_names(args: type) -> Mapping[str, str]:
    """The names of an Args class's inputs: in Pulumi (camelCase) -> in Python."""
    getters = {name: p.fget for name, p in vars(args).items() if isinstance(p, property) and p.fget}
    return {getattr(getter, "_pulumi_name", name): name for name, getter in getters.items()}


@cache
def _required(args: type) -> frozenset[str]:
    parameters = inspect.signature(args.__init__).parameters
    empty = inspect.Parameter.empty
    needed = {name for name, p in parameters.items() if p.default is empty and p.kind is p.KEYWORD_ONLY}
    return frozenset(name for name, python in input_names(args).items() if python in needed)


@cache
def _hints(args: type) -> Mapping[str, Any]:
    module = vars(sys.modules[args.__module__])
    # `pulumi.Input` is written with forward references that only pulumi's own module resolves.
    names = {"Output": pulumi.Output, "Awaitable": Awaitable, "T": Any}
    getters = {name: cast(property, vars(args)[python]).fget for name, python in input_names(args).items()}
    return {name: typing.get_type_hints(getter, dict(module), names)["return"] for name, getter in getters.items()}


def _check_object(args: type, inputs: Properties, path: str) -> Iterator[Failure]:
    known = input_names(args)
    for key, value in inputs.items():
        place = join(path, key)
        if key not in known:
            yield Failure(place, f"unknown property{_nearest(key, known)}")
        else:
            yield from _check_value(_hints(args)[key], value, place)
    for key in sorted(_required(args) - inputs.keys()):
        yield Failure(join(path, key), "missing required property")


def _check_value(hint: Any, value: Value, path: str) -> Iterator[Failure]:  # noqa: ANN401 (a type hint has no type)
    if isinstance(value, Secret):
        yield from _check_value(hint, value.value, path)
        return
    if value is None or isinstance(value, Unknown):
        return
    choices = list(_choices(hint))
    scalars = tuple(choice for choice in choices if choice in (bool, int, float, str))
    objects = [choice for choice in choices if hasattr(choice, "_pulumi_input_type")]
    if isinstance(value, dict):
        if objects:
            yield from _check_object(objects[0], value, path)
            return
        maps = [choice for choice in choices if typing.get_origin(choice) in (Mapping, dict)]
        if maps:
            for key, item in value.items():
                yield from _check_value(typing.get_args(maps[0])[1], item, join(path, key))
            return
    if isinstance(value, list):
        lists = [choice for choice in choices if _is_sequence(choice)]
        if lists:
            for index, item in enumerate(value):
                yield from _check_value(typing.get_args(lists[0])[0], item, f"{path}[{index}]")
            return
    if scalars and not _fits(value, scalars):
        yield Failure(path, f"expected {' or '.join(s.__name__ for s in scalars)}, got {type(value).__name__}")


def _fits(value: Value, scalars: tuple[type, ...]) -> bool:
    # As the official bridge does, a number or boolean written as a string is taken for what it says.
    match value:
        case bool():
            return bool in scalars or str in scalars
        case int():
            return int in scalars or float in scalars or str in scalars
        case float():
            return float in scalars or str in scalars
        case str():
            return str in scalars or (bool in scalars and value in {"true", "false"}) or _is_number(value, scalars)
        case _:
            return False


def _is_number(text: str, scalars: tuple[type, ...]) -> bool:
    return (int in scalars or float in scalars) and text.lstrip("-").replace(".", "", 1).isdigit()


def _is_sequence(hint: Any) -> bool:  # noqa: ANN401
    return typing.get_origin(hint) in (Sequence, list)


def _choices(hint: Any) -> Iterator[Any]:  # noqa: ANN401
    """The types that a hint allows: through Optional, Union, pulumi.Input and enums."""
    origin = typing.get_origin(hint)
    if origin is typing.Union or origin.__class__.__name__ == "UnionType":
        for choice in typing.get_args(hint):
            yield from _choices(choice)
    elif origin is not None and getattr(origin, "__name__", "") in {"Output", "Awaitable"}:
        return
    elif isinstance(hint, type) and issubclass(hint, Enum):
        yield type(next(iter(hint)).value)
    else:
        yield hint


def _nearest(key: str, known: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"
