"""The one place that reads Pulumi config: settings checked, secrets as references."""

import difflib
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import ValidationError
from pydantic_core import from_json

from components.endpoint import SecretRef
from stacks.sections import NAME
from stacks.settings import Settings
from stacks.wrong import Loc, Wrong, WrongValuesError, path


class SettingsError(Exception):
    """Settings that are wrong: one line each, with the key, its value and what is allowed."""


Secrets = Mapping[str, SecretRef]
"""Name in `secrets` -> the secret."""

_SHOWN = 60
"""Characters of a value that a line has room for."""


def load(project: str) -> tuple[Settings, Secrets]:
    """Settings and secrets of the present stack.

    Errors:
        SettingsError: a key is unknown, missing or has a value that is not allowed.
    """
    prefix = f"{project}:"
    config = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    own = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    hidden = {key for key in own if runtime_config.is_config_secret(f"{prefix}{key}")}
    kept_apart = hidden | _referred(own)
    wrong: list[str] = []
    try:
        # By way of JSON, where a strict model takes a text for an address and a list for a tuple, and nothing else.
        given = json.dumps({key: _value(key, text) for key, text in own.items() if key not in kept_apart})
        settings = Settings.model_validate_json(given)
    except ValidationError as error:
        wrong += _lines(error, hidden)
        settings = None
    wrong += _wrong_secrets(own, hidden)
    if wrong or settings is None:
        raise SettingsError("\n".join(f"{prefix}{line}" for line in wrong))
    values = pulumi.Config(project)
    secrets = {
        name: SecretRef(value=values.require_secret(source.config), generation=source.generation)
        for name, source in settings.secrets.items()
    }
    return settings, secrets


def _value(key: str, text: str) -> Any:  # noqa: ANN401 (any JSON)
    """The CLI hands every value over as text: what is not a text setting is JSON."""
    if key in _TEXTS:
        return text
    try:
        return from_json(text)
    except ValueError:
        return text  # which is no list, object or number either, so that a line says what it should have been


_TEXTS = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation is str or field.annotation == str | None
)


def _referred(own: Mapping[str, str]) -> set[str]:
    """The keys that `secrets` refers to, as far as it can be read; a setting is none."""
    sources = _value("secrets", own.get("secrets", "{}"))
    keys: set[str] = set()
    for source in cast("dict[str, object]", sources).values() if isinstance(sources, dict) else ():
        match source:
            case {"config": str(key)} if re.fullmatch(NAME, key):
                keys.add(key)
            case _:
                pass
    return keys - Settings.model_fields.keys()


def _wrong_secrets(own: Mapping[str, str], hidden: set[str]) -> Iterator[str]:
    """Keys that `secrets` and the file do not agree on. Their values are never shown."""
    referred = _referred(own)
    remedy = "give it with: pulumi config set --secret"
    for key in sorted(referred - own.keys()):
        yield f"{path((key,))}: `secrets` refers to it, and it is not set; {remedy}"
    for key in sorted(referred & own.keys() - hidden):
        yield f"{path((key,))}: `secrets` refers to it, and it is in plain text; {remedy}"
    for key in sorted(hidden - referred):
        if key in Settings.model_fields:
            yield f"{path((key,))}: is encrypted, and a setting is in plain text: set it without --secret"
        else:
            yield f"{path((key,))}: is encrypted, but `secrets` does not refer to it: name it there, or remove it"


def _lines(error: ValidationError, hidden: set[str]) -> Iterator[str]:
    problems = error.errors(include_url=False)
    for problem in problems:
        loc = problem["loc"]
        if hidden.intersection(loc[:1]):
            continue  # not missing, but encrypted: `_wrong_secrets` says so
        if any(other["loc"][: len(loc)] == loc != other["loc"] for other in problems):
            continue  # it follows from another one: a list that has no entries without its wrong ones
        match problem:
            case {"type": "missing"}:
                yield f"{path(loc)}: is required: {_allowed(_schema(loc))}"
            case {"type": "extra_forbidden"}:  # its value is not shown: it may be a secret that lost its way
                yield f"{path(loc)}: {_unknown(loc)}"
            case {"ctx": {"error": WrongValuesError(found=found)}}:
                yield from (_line(wrong._replace(loc=loc + wrong.loc)) for wrong in found)
            case {"loc": (*parents, name, "[key]")}:
                yield _line(Wrong((*parents, name), name, _allowed(_schema((*parents, "[key]")))))
            case _:
                yield _line(Wrong(loc, problem["input"], _allowed(_schema(loc))))


def _line(wrong: Wrong) -> str:
    if not Settings.model_fields[str(wrong.loc[0])].repr:
        return f"{path(wrong.loc)}: must be {wrong.allowed}"
    value = json.dumps(wrong.value, default=str)
    return f"{path(wrong.loc)}: {value if len(value) <= _SHOWN else value[:_SHOWN] + '...'}: must be {wrong.allowed}"


def _unknown(loc: Loc) -> str:
    """What might have been meant by a key that there is not."""
    known: list[str] = list(_schema(loc[:-1])["properties"])
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    return f"no such setting; did you mean {close[0]}?" if close else f"no such setting; there are {', '.join(known)}"


def _schema(loc: Loc) -> Mapping[str, Any]:
    """The JSON Schema of what is there; that of an object's names at `[key]`."""
    return functools.reduce(_child, loc, _whole_schema())


@functools.cache
def _whole_schema() -> Mapping[str, Any]:
    schema = Settings.model_json_schema()
    return _inlined(schema, schema["$defs"])


def _inlined(node: Any, models: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any JSON)
    """A JSON Schema without references."""
    match node:
        case {"$ref": str(reference), **own}:
            # A model's docstring is for who reads the code: a line has only what is said where the model is used.
            model = {**models[reference.rpartition("/")[2]], "description": None}
            return {**_inlined(model, models), **own}
        case dict():
            return {key: _inlined(value, models) for key, value in cast("dict[str, Any]", node).items()}
        case _:
            return node


def _child(node: Mapping[str, Any], part: str | int) -> Mapping[str, Any]:
    match node:
        case {"items": items}:
            return items
        case {"propertyNames": names} if part == "[key]":
            return names
        case {"patternProperties": children}:
            return next(iter(children.values()))
        case {"properties": properties}:
            return properties[part]
        case _:
            return node["additionalProperties"]


_KINDS = {"object": "an object", "array": "a list", "integer": "a whole number", "number": "a number"}


def _allowed(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in words."""
    words = [_KINDS.get(schema.get("type", ""), "text")]
    match schema:
        case {"enum": values}:
            words = [f"one of {', '.join(values)}"]
        case {"items": items, "minItems": least}:
            words += [f"of at least {least}, each {_allowed(items)}"]
        case {"minProperties": least}:
            words += [f"of at least {least}"]
        case {"properties": properties}:
            words += [f"with {', '.join(properties)}"]
        case {"minimum": least, "maximum": most}:
            words += [f"from {least} to {most}"]
        case {"minimum": least}:
            words += [f"from {least}"]
        case _:
            pass
    if about := schema.get("description"):
        words += [f"({about})"]
    return " ".join(words)
