"""A client's line in the members' file of users is what the Job of the image makes of a member that runs."""

from typing import Any

from components.data.contract import REDIS_COMMANDS
from components.data.redis.acl import client_acl
from data_tools.redis_acl import acl_line


def test_both_make_the_same_user() -> None:
    for commands in (REDIS_COMMANDS, ["+@read", "-scan"]):
        entry: dict[str, Any] = {
            "client": "rate-limiter",
            "username": "rate-limiter-g3",
            "password": "sesame",
            "grant": {"commands": list(commands)},
        }
        assert client_acl(entry) == acl_line(entry)
