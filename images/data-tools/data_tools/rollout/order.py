"""In which order members are replaced. What Kubernetes and the members say comes through two small protocols."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from data_tools.deadline import Deadline
from data_tools.progress import say


class NotYet(Exception):  # noqa: N818 (no error: a reason to look again)
    """What has to be waited for, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member, as Kubernetes sees it."""

    name: str
    uid: str
    """Tells its pod from the next one of that name; empty: there is no pod."""
    ready: bool
    """And not about to go."""
    outdated: bool
    """Its pod is not of the present template."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The roles of members that all run and have caught up."""

    primary: str
    successors: Sequence[str]
    """Who may become the primary without loss, the best first."""


class Pods(Protocol):
    """The pods of the set."""

    def look(self) -> Sequence[Member]:
        """All members, by ordinal; also those without a pod.

        Errors:
            NotYet: it cannot be said now.
        """
        ...

    def replace(self, member: Member) -> None:
        """Take its pod away: another one of the present template comes by itself."""
        ...


class Roles(Protocol):
    """The members among themselves."""

    def look(self, names: Sequence[str]) -> Standing:
        """Who is what.

        Errors:
            NotYet: there is not one primary that all others follow.
        """
        ...

    def switch_over(self, primary: str, successor: str) -> None:
        """Make another member the primary, and return when it is, or may be soon.

        Errors:
            NotYet: it is refused now.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Replace:
    """The next step: another pod for this member."""

    member: Member


@dataclass(frozen=True, kw_only=True)
class SwitchOver:
    """The next step: another primary."""

    primary: str
    successor: str


def next_step(members: Sequence[Member], standing: Standing) -> Replace | SwitchOver | None:
    """What is to be done while all members are ready and have caught up; None: nothing any more.

    Errors:
        NotYet: nobody may take over from an outdated primary.
    """
    outdated = [member for member in members if member.outdated]
    replicas = [member for member in outdated if member.name != standing.primary]
    if replicas:
        return Replace(member=replicas[-1])
    if not outdated:
        return None
    if len(members) == 1:
        return Replace(member=members[0])
    if not standing.successors:
        raise NotYet(f"nobody may take over from {standing.primary}")
    return SwitchOver(primary=standing.primary, successor=standing.successors[0])


def roll(pods: Pods, roles: Roles, deadline: Deadline, patience_s: float) -> None:
    """Replace all outdated members, and return when all are ready and have caught up.

    Args:
        pods: the set.
        roles: its members.
        deadline: for all of it.
        patience_s: after which an outdated member that is not ready is replaced: an earlier template may be why.

    Errors:
        ToolError: not in time.
    """
    waiting = _Waiting(deadline, patience_s)
    while True:
        try:
            members = pods.look()
            if stuck := waiting.stuck(members):
                say(f"{stuck.name}: outdated, and not ready for {patience_s:g} s: replaced")
                pods.replace(stuck)
            if missing := [member.name for member in members if not member.ready]:
                raise NotYet(f"{', '.join(missing)}: not ready")
            match next_step(members, roles.look([member.name for member in members])):
                case Replace(member=member):
                    say(f"{member.name}: outdated: replaced")
                    pods.replace(member)
                case SwitchOver(primary=primary, successor=successor):
                    say(f"{primary}: outdated primary: {successor} takes over")
                    roles.switch_over(primary, successor)
                case None:
                    say(f"all {len(members)} members are ready and up to date")
                    return
        except NotYet as reason:
            deadline.pause(str(reason))


class _Waiting:
    """Since when pods are not ready."""

    def __init__(self, deadline: Deadline, patience_s: float) -> None:
        self._deadline, self._patience_s = deadline, patience_s
        self._since: dict[str, float] = {}

    def stuck(self, members: Sequence[Member]) -> Member | None:
        """An outdated member whose pod has not been ready for too long."""
        now = self._deadline.now()
        idle = {member.uid: member for member in members if member.uid and not member.ready}
        self._since = {uid: self._since.get(uid, now) for uid in idle}
        for uid, member in idle.items():
            if member.outdated and now - self._since[uid] >= self._patience_s:
                self._since[uid] = now  # it may take its time to go
                return member
        return None
