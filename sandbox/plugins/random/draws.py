"""What the stand-ins of random's resource types have in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from sandbox.plugins.provider import Failure
from sandbox.plugins.values import Properties, as_value, has_unknown, plain


@dataclass(frozen=True)
class Drawn:
    """What a draw gave."""

    id: str
    outputs: Properties


def _texts(keepers: object) -> object:
    """As the official provider keeps them: null ones dropped, and the rest as text; no keepers at all are none."""
    if not isinstance(keepers, dict):
        return keepers
    given = cast(dict[str, Any], keepers)
    return {key: _text(value) for key, value in given.items() if value is not None} or None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Draw(BaseModel):
    """The inputs of one resource type, with the official provider's defaults, and how its result is drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    args: ClassVar[type]
    """The SDK's class of its inputs."""
    computed: ClassVar[frozenset[str]]
    """Its outputs beside the inputs."""
    secret: ClassVar[frozenset[str]] = frozenset()
    """Those of them that are secret."""

    keepers: Annotated[dict[str, str] | None, BeforeValidator(_texts)] = None

    def problems(self) -> Iterator[Failure]:
        """What is wrong with the inputs taken together."""
        yield from ()

    def draw(self) -> Drawn:
        """A new result."""
        raise NotImplementedError

    @classmethod
    def adopt(cls, id: str) -> tuple[Self, Drawn]:
        """Inputs and result of what is imported by `id`.

        Errors:
            ValueError: it is not of the form that `pulumi import` takes for this type.
        """
        raise NotImplementedError

    @classmethod
    def effective(cls, inputs: Properties) -> Properties:
        """The inputs with defaults filled in; what is not known yet stays so."""
        unknown: Properties = {name: value for name, value in inputs.items() if has_unknown(value)}
        known = plain({name: value for name, value in inputs.items() if name not in unknown})
        return cls.model_validate(known).properties() | unknown

    def properties(self) -> Properties:
        """These inputs under their Pulumi names, without those that are absent."""
        dumped: dict[str, Any] = self.model_dump(by_alias=True, exclude_none=True)
        return {name: as_value(value) for name, value in dumped.items()}
