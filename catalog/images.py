"""The images of others that the estate builds on or runs: data in `images.yaml`, its shape here."""

import json
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from catalog.model import Model

TABLE = Path(__file__).with_name("images.yaml")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+\.[a-z0-9-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$")]
"""Full name with its registry, as in docker.io/library/debian."""
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class ImageError(ValueError):
    """The table or a lock is wrong, or an image is not in it: one line that names file and key."""


class Image(Model):
    """An image that upstream publishes, pinned."""

    name: Name
    tag: Tag
    digest: Digest
    """Of the multi-architecture index."""
    read_in: Annotated[str, StringConstraints(min_length=1)]
    """Where the digest was read: for whoever checks it."""


class Table(Model):
    """All images of others, by the word that our code calls them by."""

    images: dict[str, Image] = Field(min_length=1)

    def reference(self, key: str, lock: Path | None = None) -> str:
        """The image `key` as `name:tag@digest`.

        Args:
            key: as in `images.yaml`.
            lock: a JSON file {"name:tag": digest} of what a registry serves; where given, its digest wins.

        Errors:
            ImageError: the table has no such key, or the lock cannot be read or lacks the image.
        """
        if key not in self.images:
            raise ImageError(f"{TABLE.name}: no image `{key}`; it has {', '.join(sorted(self.images))}")
        image = self.images[key]
        tagged = f"{image.name}:{image.tag}"
        if lock is None:
            return f"{tagged}@{image.digest}"
        locked = read_lock(lock)
        if tagged not in locked:
            raise ImageError(f"{lock}: no entry for {tagged}")
        return f"{tagged}@{locked[tagged]}"


@cache
def load(path: Path = TABLE) -> Table:
    """The table of this repository.

    Errors:
        ImageError: it is not of this shape.
    """
    try:
        return Table.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise _one_line(path, error) from error


def read_lock(path: Path) -> dict[str, str]:
    """A lock: "name:tag" -> digest.

    Errors:
        ImageError: the file cannot be read or is not of this shape.
    """
    try:
        return TypeAdapter(dict[str, Digest]).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise _one_line(path, error) from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: not a readable image lock: {error}") from error


def _one_line(path: Path, error: ValidationError) -> ImageError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return ImageError(f"{path}: {where}: {first['msg']} (got {first['input']!r})")
