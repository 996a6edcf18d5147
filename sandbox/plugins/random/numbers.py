"""RandomId, RandomUuid, RandomInteger and RandomBytes."""

import base64
import binascii
import secrets
import uuid
from collections.abc import Iterator
from typing import ClassVar, Self

from pulumi_random import RandomBytesArgs, RandomIdArgs, RandomIntegerArgs, RandomUuidArgs
from typing_extensions import override

from sandbox.plugins.provider import Failure
from sandbox.plugins.random.draws import Draw, Drawn
from sandbox.plugins.values import Secret


class RandomId(Draw):
    """Random bytes in four notations, each behind the prefix; the id is the bytes without it."""

    args = RandomIdArgs
    computed: ClassVar = frozenset({"b64Std", "b64Url", "dec", "hex"})

    byte_length: int = 0
    prefix: str | None = None

    @override
    def problems(self) -> Iterator[Failure]:
        if self.byte_length < 1:
            yield Failure("byteLength", f"value must be at least 1, got: {self.byte_length}")

    @override
    def draw(self) -> Drawn:
        return _id(secrets.token_bytes(self.byte_length), self.prefix)

    @override
    @classmethod
    def adopt(cls, id: str) -> tuple[Self, Drawn]:
        prefix, _, url = id.rpartition(",")
        drawn = _decoded(url.replace("-", "+").replace("_", "/") + "=" * (-len(url) % 4))
        return cls(byteLength=len(drawn), prefix=prefix or None), _id(drawn, prefix)  # pyright: ignore[reportCallIssue]


class RandomUuid(Draw):
    """A UUID of random bits; the id is the UUID."""

    args = RandomUuidArgs
    computed: ClassVar = frozenset({"result"})

    @override
    def draw(self) -> Drawn:
        return _uuid(uuid.UUID(bytes=secrets.token_bytes(16)))

    @override
    @classmethod
    def adopt(cls, id: str) -> tuple[Self, Drawn]:
        return cls(), _uuid(uuid.UUID(id))


class RandomInteger(Draw):
    """An integer from `min` to `max`, both included; the id is the integer."""

    args = RandomIntegerArgs
    computed: ClassVar = frozenset({"result"})

    min: int = 0
    max: int = 0
    seed: str | None = None

    @override
    def problems(self) -> Iterator[Failure]:
        if self.max < self.min:
            yield Failure("min", "the minimum value needs to be smaller than or equal to the maximum value")
        if self.seed:
            # It promises the very number that Go's generator gives.
            yield Failure("seed", "the stand-in for random does not support it; use PLUGINS=official")

    @override
    def draw(self) -> Drawn:
        return _integer(self.min + secrets.randbelow(self.max - self.min + 1))

    @override
    @classmethod
    def adopt(cls, id: str) -> tuple[Self, Drawn]:
        parts = id.split(",")
        if len(parts) != 3:
            raise ValueError("expecting {result},{min},{max}")
        result, least, most = (int(part) for part in parts)
        return cls(min=least, max=most), _integer(result)


class RandomBytes(Draw):
    """Secret bytes in two notations. The official id is the bytes too, and an id is never secret: so is ours."""

    args = RandomBytesArgs
    computed: ClassVar = frozenset({"base64", "hex"})
    secret: ClassVar = frozenset({"base64", "hex"})

    length: int = 0

    @override
    def problems(self) -> Iterator[Failure]:
        if self.length < 1:
            yield Failure("length", f"value must be at least 1, got: {self.length}")

    @override
    def draw(self) -> Drawn:
        return _bytes(secrets.token_bytes(self.length))

    @override
    @classmethod
    def adopt(cls, id: str) -> tuple[Self, Drawn]:
        drawn = _decoded(id)
        return cls(length=len(drawn)), _bytes(drawn)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def _id(drawn: bytes, prefix: str | None) -> Drawn:
    url = base64.urlsafe_b64encode(drawn).decode().rstrip("=")
    notations = {
        "b64Std": base64.b64encode(drawn).decode(),
        "b64Url": url,
        "dec": str(int.from_bytes(drawn)),
        "hex": drawn.hex(),
    }
    return Drawn(url, {name: f"{prefix or ''}{text}" for name, text in notations.items()})


def _uuid(drawn: uuid.UUID) -> Drawn:
    return Drawn(str(drawn), {"result": str(drawn)})


def _integer(drawn: int) -> Drawn:
    return Drawn(str(drawn), {"result": drawn})


def _bytes(drawn: bytes) -> Drawn:
    text = base64.b64encode(drawn).decode()
    return Drawn(text, {"base64": Secret(text), "hex": Secret(drawn.hex())})
