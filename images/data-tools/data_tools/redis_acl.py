"""The rights of a Redis user, for `ACL SETUSER` and for a file of users alike. Needs nothing but the standard library.

An entry is one of `clients.json`: client, username, password, and a grant with the `commands`, as Redis writes them.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, cast

_WORD = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_COMMAND = re.compile(r"[+-]@?[a-z0-9_-]+(\|[a-z0-9_-]+)?")


def acl_rules(entry: Mapping[str, Any]) -> list[str]:
    """What makes a user exactly this one, whatever it was before: its own keys and channels, the granted commands.

    Errors:
        ValueError: a name or a command is none. The message holds no secret.
    """
    client, commands = entry["client"], entry["grant"].get("commands")
    if not _WORD.fullmatch(client):
        raise ValueError(f"{client!r} is no client's name")
    if not isinstance(commands, list | tuple) or not commands:
        raise ValueError(f"{client}: its grant lists no commands")
    for command in cast(list[object], commands):
        # Anything else would be a rule of another kind: a password, or all keys.
        if not isinstance(command, str) or not _COMMAND.fullmatch(command):
            raise ValueError(f"{client}: {command!r} is not +command, -command, +@category or -@category")
    password = hashlib.sha256(entry["password"].encode()).hexdigest()
    return ["reset", "on", f"#{password}", f"~{client}:*", f"&{client}:*", *commands]


def acl_line(entry: Mapping[str, Any]) -> str:
    """The same user as a line of a file of users (`aclfile`), without a line break.

    Errors:
        ValueError: a name or a command is none.
    """
    username = entry["username"]
    if not _WORD.fullmatch(username):
        raise ValueError(f"{username!r} is no user's name")
    return " ".join(["user", username, *acl_rules(entry)])
