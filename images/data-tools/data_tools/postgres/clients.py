"""What clients of PostgreSQL need: a database, its owner, and a login role of the present generation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from data_tools.clients import Client, number
from data_tools.deadline import Deadline
from data_tools.errors import ToolError
from data_tools.postgres import databases, lookup, roles
from data_tools.postgres.roles import Role
from data_tools.postgres.server import MAINTENANCE, Server, Session, complete
from data_tools.progress import Changes

_EXTENSION = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Helper:
    """A login role that is no client's."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Helpers:
    """Who logs in beside clients."""

    pooler: Helper | None = None
    """Looks up verifiers for PgBouncer."""
    monitor: Helper | None = None
    """Reads statistics for an exporter."""


def apply(server: Server, clients: Sequence[Client], helpers: Helpers, deadline: Deadline) -> Changes:
    """Make what is missing, and bring in line what is there.

    Errors:
        ToolError: the server was not reached in time, or refused; an entry asks for what cannot be.
    """
    others = [helper.name for helper in (helpers.pooler, helpers.monitor) if helper]
    reserved = {*databases.RESERVED, server.admin.username, *others}
    for entry in clients:
        if taken := reserved & {entry.client, entry.username}:
            raise ToolError(f"{taken.pop()!r} is no client's name here: the server's own")
        # What is wrong of any is said before the first is made.
        _login(entry)
        _extensions(entry)
    changes = Changes()

    def work() -> None:
        with server.session() as admin:
            databases.close_all(admin, changes)
            _help(admin, helpers, changes)
            for entry in clients:
                _open(server, admin, entry, helpers.pooler, changes)

    complete(work, deadline)
    changes.close()
    return changes


def _help(admin: Session, helpers: Helpers, changes: Changes) -> None:
    if helpers.monitor:
        monitor = helpers.monitor
        roles.ensure(admin, Role(name=monitor.name, password=monitor.password, member_of="pg_monitor"), changes)
        databases.allow(admin, MAINTENANCE, monitor.name, changes)
    if helpers.pooler:
        roles.ensure(admin, Role(name=helpers.pooler.name, password=helpers.pooler.password), changes)
        lookup.ensure(admin, admin, MAINTENANCE, helpers.pooler.name, changes)


def _open(server: Server, admin: Session, entry: Client, pooler: Helper | None, changes: Changes) -> None:
    """One client: it can log in once everything else is as it must be."""
    roles.refuse_others(admin, entry.client)
    roles.ensure(admin, Role(name=entry.client), changes)
    databases.ensure(admin, entry.client, changes)
    with server.session(entry.client) as inside:
        databases.furnish(inside, entry.client, _extensions(entry), changes)
        if pooler:
            lookup.ensure(admin, inside, entry.client, pooler.name, changes)
    roles.ensure(admin, _login(entry), changes)


def _login(entry: Client) -> Role:
    limit = number(entry, "connections", -1, least=1) if "connections" in entry.grant else -1
    return Role(
        name=entry.username,
        password=entry.password,
        member_of=entry.client,
        acts_as=entry.client,
        connections=limit,
    )


def _extensions(entry: Client) -> list[str]:
    wanted: Any = entry.grant.get("extensions", [])
    if not isinstance(wanted, list) or not all(
        isinstance(name, str) and _EXTENSION.fullmatch(name) for name in cast(list[Any], wanted)
    ):
        raise ToolError(f"{entry.client}: extensions {wanted!r}: a list of names is needed")
    return cast(list[str], wanted)
