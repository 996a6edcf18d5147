"""`clients.json`: who has an account of a store, and what it may do there."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from data_tools import credentials
from data_tools.errors import ToolError

LONGEST = 63
"""Bytes of a name that PostgreSQL tells apart, and characters of a DNS label."""

_CLIENT = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_USERNAME = re.compile(r"(?P<client>.+)-g[1-9][0-9]*")


@dataclass(frozen=True, kw_only=True)
class Client:
    """One account."""

    client: str
    """A DNS label: what the client's database, key prefix or bucket is named."""
    username: str
    """`<client>-g<generation>`."""
    password: str = field(repr=False)
    grant: Mapping[str, Any]
    """What it may do, in the words of the store."""


def load(path: Path) -> list[Client]:
    """All accounts that there shall be.

    Errors:
        ToolError: the file cannot be read, or an entry is not as it must be.
    """
    try:
        document = json.loads(credentials.text(path))
    except ValueError as error:
        raise ToolError(f"{path}: not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(entries := cast(Any, document).get("clients"), list):
        raise ToolError(f'{path}: not {{"clients": [...]}}')
    clients = [_client(path, entry) for entry in cast(list[Any], entries)]
    if twins := _twins([entry.client for entry in clients]):
        raise ToolError(f"{path}: listed twice: {', '.join(twins)}")
    return clients


def of_username(username: str) -> str | None:
    """The client whose account it is, of whatever generation; None: of no client."""
    named = _USERNAME.fullmatch(username)
    return named["client"] if named else None


def number(entry: Client, key: str, default: int, least: int) -> int:
    """A whole number of an entry's grant.

    Errors:
        ToolError: it is none, or too small.
    """
    value: object = entry.grant.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ToolError(f"{entry.client}: {key} {value!r}: a whole number from {least} is needed")
    return value


def _client(path: Path, entry: Any) -> Client:  # noqa: ANN401 (JSON)
    # What is wrong is said without the entry itself: it holds a password.
    wanted = ("client", "username", "password")
    known = cast(dict[str, Any], entry) if isinstance(entry, dict) else {}
    if not all(isinstance(known.get(key), str) and known[key] for key in wanted):
        raise ToolError(f"{path}: an entry without client, username or password")
    client, username, grant = known["client"], known["username"], known.get("grant", {})
    if not _CLIENT.fullmatch(client) or of_username(username) != client or len(username) > LONGEST:
        raise ToolError(
            f"{path}: {username!r} of {client!r}: a client is a DNS label and its account <client>-g<number>, "
            f"of at most {LONGEST} characters"
        )
    if not isinstance(grant, dict):
        raise ToolError(f"{path}: grant of {client!r} is no object")
    return Client(client=client, username=username, password=known["password"], grant=cast(dict[str, Any], grant))


def _twins(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
