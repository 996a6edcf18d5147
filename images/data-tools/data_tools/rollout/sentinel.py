"""The roles of Redis's members, as they say them; Sentinel moves the primary."""

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import redis

from data_tools.credentials import Credentials
from data_tools.errors import ToolError, one_line
from data_tools.redis_server import NOT_NOW, Address, ask
from data_tools.rollout.order import NotYet, Standing

PAUSE_MS = 10_000
"""For how long writes wait at most while the primary moves: none is acknowledged by one that is about to be none."""

_CAUGHT_UP_S = 3.0
_PROMOTED_S = 6.0
_LOOK_S = 0.1

_T = TypeVar("_T")

Replication = Mapping[str, Any]
"""What a member's INFO says in the section of that name."""


def standing(members: Mapping[str, Replication], names: Sequence[str], at: Callable[[str], set[str]]) -> Standing:
    """Who is what, of what the members answer.

    Args:
        members: name -> what it answers; those that do not are left out.
        names: all members.
        at: name -> `host:port` by which its primary may know it, each way to write it.

    Errors:
        NotYet: there is not one primary, or a member does not follow it.
    """
    primaries = [name for name in names if members.get(name, {}).get("role") == "master"]
    if len(primaries) != 1:
        raise NotYet(f"{' and '.join(primaries) or 'nobody'} is primary")
    primary = primaries[0]
    online = online_offsets(members[primary])
    offsets: dict[str, int] = {}
    for name in names:
        if name == primary:
            continue
        if members.get(name, {}).get("master_link_status") != "up":
            raise NotYet(f"{name}: has no link to the primary")
        if not (reached := [online[address] for address in at(name) if address in online]):
            raise NotYet(f"{name}: has not caught up with the primary")
        offsets[name] = reached[0]
    return Standing(primary=primary, successors=sorted(offsets, key=lambda name: -offsets[name]))


def online_offsets(primary: Replication) -> dict[str, int]:
    """How far the replicas are that a primary feeds: `host:port` -> offset in bytes, those left out that still load."""
    replicas: list[dict[str, Any]] = [value for key, value in primary.items() if re.fullmatch(r"slave\d+", key)]
    return {f"{entry['ip']}:{entry['port']}": entry["offset"] for entry in replicas if entry["state"] == "online"}


@dataclass(frozen=True, kw_only=True)
class Sentinels:
    """See `order.Roles`."""

    address: Callable[[str], Address]
    """Name of a member -> where it listens."""
    credentials: Credentials
    """Of an administrator of the members."""
    sentinels: Sequence[Address]
    sentinel_credentials: Credentials
    master: str
    """What Sentinel calls the set."""

    def look(self, names: Sequence[str]) -> Standing:
        """See `order.Roles`."""
        members: dict[str, Replication] = {}
        silent = NotYet("no member answers")
        for name in names:
            try:
                members[name] = self._replication(name)
            except NotYet as reason:
                silent = reason
        if not members:
            raise silent
        return standing(members, names, self._known_as)

    def switch_over(self, primary: str, successor: str) -> None:
        """See `order.Roles`; it is Sentinel that chooses among those that have caught up."""
        self._tell(primary, "CLIENT", "PAUSE", str(PAUSE_MS), "WRITE")
        try:
            _within(_CAUGHT_UP_S, lambda: self._caught_up(primary), f"the replicas of {primary} do not catch up")
            sentinel = self._fail_over()
            new = _within(_PROMOTED_S, lambda: self._promoted(sentinel, primary), f"{primary} is still the primary")
            # Sentinel says so too, but maybe when the pause is over, and writes are acknowledged that nobody keeps.
            self._tell(primary, "REPLICAOF", *new)
        finally:
            with suppress(NotYet):  # it ends by itself
                self._tell(primary, "CLIENT", "UNPAUSE")

    def _caught_up(self, primary: str) -> bool:
        now = self._replication(primary)
        return all(offset >= now["master_repl_offset"] for offset in online_offsets(now).values())

    def _fail_over(self) -> Address:
        """The Sentinel that has begun a failover."""
        silent: list[str] = []
        for sentinel in self.sentinels:
            try:
                ask(sentinel, self.sentinel_credentials, "SENTINEL", "FAILOVER", self.master)
            except NOT_NOW as error:
                silent.append(f"{sentinel}: {one_line(error)}")
            except redis.ResponseError as error:
                raise NotYet(f"{sentinel}: {one_line(error)}") from error
            else:
                return sentinel
        raise NotYet("; ".join(silent))

    def _promoted(self, sentinel: Address, primary: str) -> tuple[str, str] | None:
        """Host and port of the new primary, once a Sentinel has made one."""
        host, port = ask(sentinel, self.sentinel_credentials, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.master)
        return None if f"{host}:{port}" in self._known_as(primary) else (host, port)

    def _replication(self, name: str) -> Replication:
        return self._tell(name, "INFO", "replication")

    def _tell(self, name: str, *command: str) -> Any:  # noqa: ANN401 (depends on the command)
        try:
            return ask(self.address(name), self.credentials, *command)
        except NOT_NOW as error:
            raise NotYet(f"{name}: {one_line(error)}") from error
        except redis.RedisError as error:
            raise ToolError(f"{name}: {command[0]}: {one_line(error)}") from error

    def _known_as(self, name: str) -> set[str]:
        address = self.address(name)
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotYet(f"{name}: {one_line(error)}") from error
        return {f"{host}:{address.port}" for host in (address.host, *(entry[4][0] for entry in found))}


def _within(seconds: float, probe: Callable[[], _T | None], otherwise: str) -> _T:
    """The first true answer of a probe.

    Errors:
        NotYet: `otherwise`, after so many seconds.
    """
    end = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > end:
            raise NotYet(otherwise)
        time.sleep(_LOOK_S)
    return answer
