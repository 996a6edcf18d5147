"""The CustomResourceDefinitions of add-ons: taken from pinned Go modules by `make vendor`, checked by `crds.lock`."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from catalog.model import Model

LOCK = Path(__file__).with_name("crds.lock")

VENDORED = Path(__file__).parents[1] / "vendor" / "crds"
"""Git-ignored: a folder per add-on with the files as upstream has them."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class CrdError(ValueError):
    """The lock is wrong, or a vendored file is not the locked one: one line that names it and the remedy."""


class Locked(Model):
    """What is locked of an add-on."""

    version: Annotated[str, StringConstraints(pattern=r"^v[0-9]")]
    """Of the Go module that the files were read in."""
    files: dict[str, Sha256] = Field(min_length=1)
    """Name of a file -> SHA-256 of its bytes."""


def read_lock(path: Path = LOCK) -> dict[str, Locked]:
    """The locked files by add-on.

    Errors:
        CrdError: the lock cannot be read or is not of this shape.
    """
    try:
        return TypeAdapter(dict[str, Locked]).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CrdError(f"{path.name}: {where}: {first['msg']} (got {first['input']!r})") from error
    except (OSError, ValueError) as error:
        raise CrdError(f"{path.name}: not a readable lock of CRDs: {error}") from error


def load(addon: str, lock: Path = LOCK, vendored: Path = VENDORED) -> list[dict[str, Any]]:
    """The CustomResourceDefinitions of an add-on, ordered by file name, without the descriptions in their schemas.

    Descriptions are two thirds of the size, and would go into the stack's state and through every preview.

    Args:
        addon: as in `crds.lock`.
        lock: the lock.
        vendored: where `make vendor` has put the files.

    Errors:
        CrdError: the lock does not have the add-on or cannot be read, or a file is missing or is not the locked one.
    """
    locked = read_lock(lock)
    if addon not in locked:
        raise CrdError(f"{lock.name}: no CRDs of `{addon}`; it has {', '.join(sorted(locked))}")
    return [_parse(_checked(vendored, addon, name, digest)) for name, digest in sorted(locked[addon].files.items())]


def differing(addon: str, locked: Locked, vendored: Path = VENDORED) -> list[str]:
    """The names of those vendored files that are missing or not the locked ones."""
    return [name for name, digest in locked.files.items() if _content(vendored / addon / name, digest) is None]


def _checked(vendored: Path, addon: str, name: str, digest: str) -> bytes:
    content = _content(vendored / addon / name, digest)
    if content is None:
        raise CrdError(f"vendor/crds/{addon}/{name} is missing or differs: run `make vendor`")
    return content


def _content(path: Path, digest: str) -> bytes | None:
    if not path.is_file():
        return None
    content = path.read_bytes()
    return content if hashlib.sha256(content).hexdigest() == digest else None


def _parse(content: bytes) -> dict[str, Any]:
    # libyaml, where PyYAML has it, is ten times as fast: the program would spend seconds on these files.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    crd = cast("dict[str, Any]", yaml.load(content, Loader=loader))  # noqa: S506 (one of the two safe loaders)
    for version in crd["spec"]["versions"]:
        schema = version.get("schema", {})
        if "openAPIV3Schema" in schema:
            schema["openAPIV3Schema"] = _bare(schema["openAPIV3Schema"])
    return crd


_SCHEMAS = ("items", "additionalProperties", "additionalItems", "not", "allOf", "anyOf", "oneOf")
_SCHEMA_MAPS = ("properties", "patternProperties", "definitions", "dependencies")


def _bare(schema: object) -> object:
    """A schema without `description`, at every place where a schema may stand; values and property names are kept."""
    if isinstance(schema, list):  # `items` may be a list of schemas
        return [_bare(one) for one in cast("list[object]", schema)]
    if not isinstance(schema, dict):  # `additionalProperties` may be a truth value
        return schema
    bare = dict(cast("dict[str, object]", schema))
    bare.pop("description", None)
    for key in bare.keys() & {*_SCHEMAS}:
        bare[key] = _bare(bare[key])
    for key in bare.keys() & {*_SCHEMA_MAPS}:
        named = cast("dict[str, object]", bare[key])
        bare[key] = {name: _bare(one) for name, one in named.items()}
    return bare
