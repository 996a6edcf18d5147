"""Accounts of Redis: an ACL user for each client, on every member, since users are not replicated."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import redis

from data_tools.clients import Client, of_username
from data_tools.credentials import Credentials
from data_tools.deadline import Deadline
from data_tools.errors import ToolError, one_line
from data_tools.progress import say
from data_tools.redis_acl import acl_rules
from data_tools.redis_server import NOT_NOW, Address, ask


@dataclass(frozen=True, kw_only=True)
class Members:
    """All members of one Redis, and as whom they are administered."""

    addresses: Sequence[Address]
    admin: Credentials


def apply(members: Members, clients: Sequence[Client], deadline: Deadline) -> None:
    """Make each client's user exactly what it must be, on every member.

    Errors:
        ToolError: a member was not reached in time, or refused; an entry has no usable grant.
    """
    try:
        users = [(entry.username, acl_rules(asdict(entry))) for entry in clients]
    except ValueError as error:
        raise ToolError(one_line(error)) from error

    def make(member: Address) -> str:
        for username, rules in users:
            ask(member, members.admin, "ACL", "SETUSER", username, *rules)
        return f"{len(users)} users"

    _on_every(members, make, deadline)


def retire(members: Members, clients: Sequence[Client], deadline: Deadline) -> None:
    """Remove the users of other generations, and of clients that are gone, from every member; their sessions end.

    Errors:
        ToolError: a member was not reached in time, or refused.
    """
    stay = {entry.username for entry in clients} | {members.admin.username}

    def remove(member: Address) -> str:
        present: list[str] = ask(member, members.admin, "ACL", "USERS")
        gone = sorted(user for user in present if of_username(user) and user not in stay)
        if gone:
            ask(member, members.admin, "ACL", "DELUSER", *gone)
        return f"removed {', '.join(gone)}" if gone else "nothing to remove"

    _on_every(members, remove, deadline)


def _on_every(members: Members, work: Callable[[Address], str], deadline: Deadline) -> None:
    """Work on each member; one that is away keeps no other waiting."""
    left = list(members.addresses)
    while True:
        away: dict[Address, str] = {}
        for member in left:
            try:
                say(f"{member}: {work(member)}")
            except NOT_NOW as error:
                away[member] = f"{member}: {one_line(error)}"
            except redis.RedisError as error:
                raise ToolError(f"{member}: {one_line(error)}") from error
        if not away:
            return
        left = list(away)
        deadline.pause("; ".join(away.values()))
