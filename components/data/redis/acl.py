"""The line of a client in the members' file of users.

The same as `data_tools.redis_acl` of the image, which tells members that run already; a test holds the two together.
"""

import hashlib
from collections.abc import Mapping
from typing import Any


def client_acl(entry: Mapping[str, Any]) -> str:
    """A user that has its own keys and channels, and the commands of its grant.

    Args:
        entry: of `clients.json`.
    """
    client, password = entry["client"], hashlib.sha256(entry["password"].encode()).hexdigest()
    own = f"~{client}:* &{client}:*"
    return " ".join(["user", entry["username"], "reset", "on", f"#{password}", own, *entry["grant"]["commands"]])
