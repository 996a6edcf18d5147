"""Kinds that show a rule only a part of what they make, or nothing: what cannot be checked is refused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from policies.reading import Object, Violation
from policies.rule import Check, Config, Resource, StackCheck

SUFFIXES = ("Patch", "List")
"""pulumi-kubernetes has these two beside every kind."""

_MESSAGE = "cannot be checked as a whole: declare each object by its own kind, complete"


def checks(table: Mapping[str, Check], *, opaque: Iterable[str] = ()) -> dict[str, Check]:
    """A table of checks, and the refusal of what would pass it by: the kinds beside its own, and the opaque ones."""

    def refuse(_type: str, _props: Object, _config: Config) -> Iterator[Violation]:
        yield Violation("", _MESSAGE)

    return {**table, **dict.fromkeys((*_beside(table), *opaque), refuse)}


def stack_checks(table: Mapping[str, StackCheck], *, reads: Iterable[str] = ()) -> dict[str, StackCheck]:
    """The same for a rule of the stack, which may read further kinds."""

    def refuse(_resource: Resource, _stack: Sequence[Resource], _config: Config) -> Iterator[Violation]:
        yield Violation("", _MESSAGE)

    return {**table, **dict.fromkeys((*_beside(table), *_beside(reads)), refuse)}


def _beside(types: Iterable[str]) -> list[str]:
    return [f"{type}{suffix}" for type in types for suffix in SUFFIXES]
