"""What every stand-in provider shares: the protocol, as methods over plain Python values.

A provider subclasses `Provider`, and `serve` runs it as a plugin. The protocol is
`pulumi/proto/pulumi/provider.proto`; the SDK's own `pulumi.provider.experimental` is not used
because it cannot say that a resource was created but never became ready, nor what its inputs were.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, NoReturn

from sandbox.plugins.values import Properties, Value, reveal


@dataclass(frozen=True)
class Resource:
    """Which resource a call is about."""

    urn: str
    type: str
    """Type token, say `random:index/randomPassword:RandomPassword`."""
    name: str
    """The name given in the program."""


@dataclass(frozen=True)
class Failure:
    """One reason why inputs are refused."""

    property: str
    """Path of the property, say `spec.ports[0].port`; empty for the resource as a whole."""
    reason: str


class CheckFailedError(Exception):
    """Inputs that the provider refuses; the CLI shows each failure beside its resource."""

    def __init__(self, failures: Iterable[Failure]) -> None:
        self.failures = list(failures)
        super().__init__("; ".join(f"{f.property}: {f.reason}" for f in self.failures))


class ProviderError(Exception):
    """A call that failed; the message is what the user sees."""


class InitError(ProviderError):
    """The resource exists, but never became ready: it is kept in the state, and the next update tries again."""

    def __init__(self, id: str, outputs: Properties, inputs: Properties, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.id = id
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = reasons


class Kind(Enum):
    """How a property differs."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Diff:
    """What an update would change, by path."""

    changes: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    replaces: frozenset[str] = frozenset()
    """Those of the changed paths that cannot change in place."""
    delete_before_replace: bool = False


@dataclass(frozen=True)
class State:
    """A resource as it is."""

    id: str
    inputs: Properties
    outputs: Properties


class Provider:
    """A provider; a subclass overrides what it supports. Calls come from many threads at once.

    Outputs that a method returns are marked secret wherever the resource's inputs are, so a method may work
    on plain values; what is secret beyond that it marks itself.
    """

    package: ClassVar[str]
    version: ClassVar[str]
    """That of the official plugin whose behaviour this one follows."""

    def check_config(self, config: Properties) -> Properties:
        """The provider's own arguments with defaults filled in; raises CheckFailedError."""
        return config

    def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """What a change of the provider's arguments means for its resources."""
        return compare(olds, news)

    def configure(self, config: Properties) -> None:
        """Take the provider's arguments; called once, before any resource."""

    def check(self, resource: Resource, olds: Properties | None, news: Properties, seed: bytes) -> Properties:
        """Inputs with defaults and names filled in; `olds` are the last inputs, None for a new resource.

        Errors:
            CheckFailedError: inputs that are wrong.
        """
        return self._unsupported(resource)

    def diff(self, resource: Resource, id: str, old: State, news: Properties) -> Diff:
        """What changes from the old state to new inputs, in which ignored paths hold their old values."""
        return compare(old.inputs, news)

    def create(
        self, resource: Resource, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Create; returns id and outputs. In a preview changes nothing, returns UNKNOWN for what is not known yet.

        `timeout` is in seconds, 0 where the program gives none.
        """
        return self._unsupported(resource)

    def read(self, resource: Resource, id: str, inputs: Properties, outputs: Properties) -> State | None:
        """The resource as it is now, None where it is gone. For an import, inputs and outputs are empty."""
        return self._unsupported(resource)

    def update(self, resource: Resource, old: State, news: Properties, *, preview: bool, timeout: float) -> Properties:
        """Change in place; returns outputs."""
        return self._unsupported(resource)

    def delete(self, resource: Resource, old: State, *, timeout: float) -> None:
        """Delete, and wait until it is gone; what is gone already is no error."""
        self._unsupported(resource)

    def invoke(self, token: str, args: Properties) -> Properties:
        """Answer a function call."""
        raise ProviderError(f"the stand-in for {self.package} has no function {token}; use PLUGINS=official")

    def construct(self, type: str, name: str) -> NoReturn:
        """Refuse a component that the official provider puts together itself (charts, manifests)."""
        raise ProviderError(f"the stand-in for {self.package} does not support {type} ({name}); use PLUGINS=official")

    def cancel(self) -> None:
        """Give up what is under way; calls end soon with an error."""

    def _unsupported(self, resource: Resource) -> NoReturn:
        raise ProviderError(
            f"the stand-in for {self.package} does not support {resource.type} ({resource.name}); use PLUGINS=official"
        )


def compare(olds: Value, news: Value, path: str = "") -> Diff:
    """Property by property difference of two values; unknown new values count as updates.

    A value that turns secret, or ceases to be, is the same value.
    """
    changes: dict[str, Kind] = {}
    _compare(olds, news, path, changes)
    return Diff(changes)


def _compare(old: Value, new: Value, path: str, changes: dict[str, Kind]) -> None:
    old, new = reveal(old), reveal(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            place = join(path, key)
            if key not in new:
                changes[place] = Kind.DELETE
            elif key not in old:
                changes[place] = Kind.ADD
            else:
                _compare(old[key], new[key], place, changes)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            place = f"{path}[{index}]"
            if index >= len(new):
                changes[place] = Kind.DELETE
            elif index >= len(old):
                changes[place] = Kind.ADD
            else:
                _compare(old[index], new[index], place, changes)
    elif type(old) is not type(new) or old != new:
        changes[path] = Kind.UPDATE


def join(path: str, key: str) -> str:
    """The path of a key below a path, in Pulumi's notation (`a.b`, `a["c.d/e"]`)."""
    if not key.replace("_", "a").replace("$", "a").isalnum():
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
