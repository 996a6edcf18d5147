"""RandomPassword and RandomString: characters from chosen sets, at least so many from each."""

import secrets
import string
from collections.abc import Iterator
from typing import ClassVar, Self

import bcrypt
from pulumi_random import RandomPasswordArgs, RandomStringArgs
from typing_extensions import override

from sandbox.plugins.provider import Failure
from sandbox.plugins.random.draws import Draw, Drawn
from sandbox.plugins.values import Properties, Secret

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
"""The special characters of the official provider, where `overrideSpecial` names no others."""

BCRYPT_ROUNDS = 10
"""The cost of the official provider's hash (Go's bcrypt.DefaultCost), as a power of two."""

BCRYPT_BYTES = 72
"""How much of a text bcrypt hashes; the official provider leaves out the rest."""


class _Text(Draw):
    length: int = 0
    lower: bool = True
    min_lower: int = 0
    upper: bool = True
    min_upper: int = 0
    numeric: bool | None = None
    number: bool | None = None
    min_numeric: int = 0
    special: bool = True
    min_special: int = 0
    override_special: str | None = None

    @property
    def digits(self) -> bool:
        """`numeric`, or its old name `number`."""
        return next(value for value in (self.numeric, self.number, True) if value is not None)

    @override
    def properties(self) -> Properties:
        return super().properties() | {"number": self.digits, "numeric": self.digits}

    @override
    def problems(self) -> Iterator[Failure]:
        least = self.min_lower + self.min_upper + self.min_numeric + self.min_special
        for name, value in (
            ("minLower", self.min_lower),
            ("minUpper", self.min_upper),
            ("minNumeric", self.min_numeric),
            ("minSpecial", self.min_special),
        ):
            if value < 0:
                yield Failure(name, f"value must be at least 0, got: {value}")
        if self.length < 1:
            yield Failure("length", f"value must be at least 1, got: {self.length}")
        elif self.length < least:
            parts = "minUpper + minLower + minNumeric + minSpecial"
            yield Failure("length", f"value must be at least sum of {parts} = {least}, got: {self.length}")
        if None not in (self.number, self.numeric) and self.number != self.numeric:
            reason = "number and numeric are both configured with different values; number is deprecated, use numeric"
            yield Failure("number", reason)
        if not (self.lower or self.upper or self.digits or self.special):
            reason = "at least one attribute out of [special, upper, lower, numeric] must be specified as true"
            yield Failure("numeric", reason)

    def text(self) -> str:
        """A new text. As with the official provider, a minimum draws from its set even where that set is off."""
        special = self.override_special or SPECIAL
        sets = (
            (string.ascii_lowercase, self.lower, self.min_lower),
            (string.ascii_uppercase, self.upper, self.min_upper),
            (string.digits, self.digits, self.min_numeric),
            (special, self.special, self.min_special),
        )
        drawn = [secrets.choice(characters) for characters, _, least in sets for _ in range(least)]
        every = "".join(characters for characters, on, _ in sets if on)
        drawn += [secrets.choice(every) for _ in range(self.length - len(drawn))]
        secrets.SystemRandom().shuffle(drawn)
        return "".join(drawn)


class RandomString(_Text):
    """A text that is no secret; its id is the text."""

    args = RandomStringArgs
    computed: ClassVar = frozenset({"result"})

    @override
    def draw(self) -> Drawn:
        return _string(self.text())

    @override
    @classmethod
    def adopt(cls, id: str) -> tuple[Self, Drawn]:
        return cls(length=len(id.encode())), _string(id)


class RandomPassword(_Text):
    """A secret text, and its bcrypt hash."""

    args = RandomPasswordArgs
    computed: ClassVar = frozenset({"result", "bcryptHash"})
    secret: ClassVar = frozenset({"result", "bcryptHash"})

    @override
    def draw(self) -> Drawn:
        return _password(self.text())

    @override
    @classmethod
    def adopt(cls, id: str) -> tuple[Self, Drawn]:
        return cls(length=len(id.encode())), _password(id)


def _string(text: str) -> Drawn:
    return Drawn(text, {"result": text})


def _password(text: str) -> Drawn:
    salt = bcrypt.gensalt(BCRYPT_ROUNDS, prefix=b"2a")
    hashed = bcrypt.hashpw(text.encode()[:BCRYPT_BYTES], salt).decode()
    return Drawn("none", {"result": Secret(text), "bcryptHash": Secret(hashed)})
