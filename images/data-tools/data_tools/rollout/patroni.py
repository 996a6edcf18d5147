"""The roles of PostgreSQL's members, by Patroni's REST API.

What `/cluster` says is as old as the members' last report (`loop_wait`); each member's own `/patroni` is of now.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3

from data_tools.credentials import Credentials
from data_tools.errors import ToolError, one_line
from data_tools.rollout.order import NotYet, Standing

MOST_LAG = 16 * 1024 * 1024
"""Bytes that a member which has caught up may be behind: a segment of the log, since a primary writes meanwhile."""

_TIMEOUT_S = 10.0
_SWITCHOVER_S = 120.0

_PRIMARY, _SYNCHRONOUS = ("primary", "master"), ("sync_standby", "quorum_standby")

Json = Mapping[str, Any]


def standing(names: Sequence[str], cluster: Json, config: Json, states: Mapping[str, Json]) -> Standing:
    """Who is what, of what the members answer.

    Args:
        names: all members.
        cluster: `/cluster`.
        config: `/config`.
        states: name -> its own `/patroni`; those that do not answer are left out.

    Errors:
        NotYet: there is no primary, or a member does not follow it, or none does synchronously where one must.
    """
    listed = {member["name"]: member["role"] for member in cluster.get("members", ())}
    leaders = [name for name in names if listed.get(name) == "leader"]
    if len(leaders) != 1:
        raise NotYet("there is no primary")
    primary = leaders[0]
    state = states.get(primary, {})
    if state.get("state") != "running" or state.get("role") not in _PRIMARY:
        raise NotYet(f"{primary}: is to be the primary, and is not")
    fed = {
        entry["application_name"]: entry for entry in state.get("replication") or () if entry["state"] == "streaming"
    }
    lags: dict[str, int] = {}
    for name in names:
        if name != primary:
            lags[name] = _lag(name, state, states.get(name, {}), fed)
    successors = sorted(lags, key=lambda name: lags[name])
    if lags and config.get("synchronous_mode") not in (None, False, "off"):
        successors = [
            name
            for name in successors
            if listed.get(name) in _SYNCHRONOUS and fed[name]["sync_state"] in ("sync", "quorum")
        ]
        if not successors:
            raise NotYet(f"{primary}: no member follows synchronously")
    return Standing(primary=primary, successors=successors)


def _lag(name: str, primary: Json, state: Json, fed: Mapping[str, Json]) -> int:
    """Bytes of the log that a member has not replayed yet."""
    if state.get("state") != "running" or state.get("replication_state") != "streaming" or name not in fed:
        raise NotYet(f"{name}: does not follow the primary")
    lag = (primary["xlog"]["location"] or 0) - (state["xlog"]["replayed_location"] or 0)
    if lag > MOST_LAG:
        raise NotYet(f"{name}: more than {MOST_LAG} bytes behind")
    return max(lag, 0)


@dataclass(frozen=True, kw_only=True)
class Patroni:
    """See `order.Roles`."""

    url: Callable[[str], str]
    """Name of a member -> base of its API's URLs."""
    credentials: Credentials

    def look(self, names: Sequence[str]) -> Standing:
        """See `order.Roles`."""
        states: dict[str, Json] = {}
        silent = NotYet("no member answers")
        for name in names:
            try:
                states[name] = self._get(name, "/patroni")
            except NotYet as reason:
                silent = reason
        if not states:
            raise silent
        any_of_them = next(iter(states))
        return standing(names, self._get(any_of_them, "/cluster"), self._get(any_of_them, "/config"), states)

    def switch_over(self, primary: str, successor: str) -> None:
        """See `order.Roles`."""
        body = json.dumps({"leader": primary, "candidate": successor}).encode()
        headers = urllib3.make_headers(basic_auth=f"{self.credentials.username}:{self.credentials.password}")
        headers["Content-Type"] = "application/json"
        status, answer = self._ask(primary, "POST", "/switchover", _SWITCHOVER_S, body, headers)
        if status in (401, 403):
            raise ToolError(f"{primary}: Patroni refuses the credentials")
        if status != 200:
            raise NotYet(f"{primary}: no switchover: {status} {answer.decode(errors='replace').strip()}")

    def _get(self, name: str, path: str) -> Json:
        status, answer = self._ask(name, "GET", path, _TIMEOUT_S)
        try:
            found = json.loads(answer)
        except ValueError as error:
            raise NotYet(f"{name}: {path}: {status}, and no JSON") from error
        if status != 200:
            raise NotYet(f"{name}: {path}: {status}")
        return found

    def _ask(
        self,
        name: str,
        method: str,
        path: str,
        seconds: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(self.credentials.ca), retries=False)
        try:
            with pool:
                answer = pool.request(
                    method, self.url(name) + path, body=body or None, headers=headers, timeout=seconds
                )
                return answer.status, answer.data
        except urllib3.exceptions.HTTPError as error:
            raise NotYet(f"{name}: {one_line(error)}") from error
