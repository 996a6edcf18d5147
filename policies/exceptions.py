"""Exceptions to rules: data with an owner, a reason and an end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError


class ExceptionsError(Exception):
    """A file of exceptions that cannot be used: one line per problem."""


class Entry(BaseModel):
    """One exception."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    policy: str = Field(min_length=1, description="Name of the policy")
    resource: str = Field(min_length=1, description="Name of the resource in the program, the last part of its URN")
    owner: str = Field(min_length=1, description="Who answers for it")
    reason: str = Field(min_length=10, description="Why it must be")
    expires: date = Field(description="The last day on which it holds")
    paths: Annotated[tuple[str, ...], Strict(False)] | None = Field(
        default=None, min_length=1, description="What it covers, with all below it; without it the whole policy"
    )

    def covers(self, policy: str, resource: str, path: str) -> bool:
        """Whether a violation is meant."""
        if (self.policy, self.resource) != (policy, resource):
            return False
        return self.paths is None or any(path == own or path.startswith((f"{own}.", f"{own}[")) for own in self.paths)

    def __str__(self) -> str:
        return f"the exception of {self.owner} to {self.policy} for {self.resource} ({self.reason})"


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    exceptions: Annotated[tuple[Entry, ...], Strict(False)]


@dataclass(frozen=True)
class Exceptions:
    """The exceptions of a pack, on one day."""

    entries: Sequence[Entry]
    today: date
    used: dict[Entry, None] = field(default_factory=dict[Entry, None])
    """Those that let something pass in this run, in order."""

    def expired(self) -> list[Entry]:
        """Those that hold no more."""
        return [entry for entry in self.entries if entry.expires < self.today]

    def passes(self, policy: str, resource: str, path: str) -> bool:
        """Whether an exception in force covers a violation; it then counts as used."""
        for entry in self.entries:
            if entry.expires >= self.today and entry.covers(policy, resource, path):
                self.used[entry] = None
                return True
        return False


def load(file: Path, policies: Collection[str], today: date) -> Exceptions:
    """The exceptions in a file.

    Args:
        file: YAML, `exceptions:` with a list of `Entry`.
        policies: The names that an exception may have.
        today: The day that decides what is expired.

    Errors:
        ExceptionsError: the file is missing or no YAML, an entry is malformed, or names no policy of the pack.
    """
    try:
        read = _File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ExceptionsError(f"{file.name}: {error}") from error
    except ValidationError as error:
        problems = error.errors(include_url=False)
        lines = [f"{file.name}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems]
        raise ExceptionsError("\n".join(lines)) from None
    unknown = sorted({entry.policy for entry in read.exceptions} - set(policies))
    if unknown:
        raise ExceptionsError(
            f"{file.name}: no policy {', '.join(unknown)} in this pack; there are: {', '.join(sorted(policies))}"
        )
    return Exceptions(read.exceptions, today)
