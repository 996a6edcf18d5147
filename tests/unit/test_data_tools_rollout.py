"""In which order members are replaced, with fakes of the cluster and of the members' roles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from data_tools.deadline import Deadline
from data_tools.errors import ToolError
from data_tools.rollout.order import Member, NotYet, Replace, Standing, SwitchOver, next_step, roll

PATIENCE_S = 60.0


class FakeClock:
    """A clock that only sleeping moves, and what happens as it moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [happens for when, happens in self.events if when <= self.now]
        self.events = [event for event in self.events if event[0] > self.now]
        for happens in due:
            happens()


@dataclass
class FakeSet:
    """A StatefulSet and its members' roles; whatever is done to it must be allowed at that moment.

    A pod that was taken away is ready again after some seconds, and has caught up after some more.
    """

    clock: FakeClock
    members: dict[str, Member]
    primary: str
    starts_s: float
    follows_s: float
    behind: set[str] = field(default_factory=set[str])
    log: list[str] = field(default_factory=list[str])
    refuses: bool = False

    def standing(self, names: Sequence[str]) -> Standing:
        """Who is what."""
        if not self.members[self.primary].ready:
            raise NotYet("there is no primary")
        if self.behind:
            raise NotYet(f"{', '.join(sorted(self.behind))}: does not follow")
        return Standing(primary=self.primary, successors=[name for name in names if name != self.primary])

    def replace(self, member: Member) -> None:
        """Take a pod away."""
        others = [other for other in self.members.values() if other.name != member.name]
        healthy = all(other.ready for other in others) and not self.behind
        assert healthy or not member.ready, f"{member.name} is taken away while another is missing"
        self.log.append(member.name)
        self.members[member.name] = replace(member, uid=f"{member.uid}'", ready=False, outdated=False)
        self.clock.events.append((self.clock.now + self.starts_s, lambda: self._started(member.name)))

    def switch_over(self, primary: str, successor: str) -> None:
        """Make another the primary."""
        assert primary == self.primary
        assert not self.behind
        if self.refuses:
            raise NotYet("not now")
        self.log.append(f"{primary}>{successor}")
        self.primary = successor
        self._follow(primary)

    def _started(self, name: str) -> None:
        self.members[name] = replace(self.members[name], ready=True)
        if name != self.primary:
            self._follow(name)

    def _follow(self, name: str) -> None:
        self.behind.add(name)
        self.clock.events.append((self.clock.now + self.follows_s, lambda: self.behind.discard(name)))


def fake(count: int, primary: int = 0, *, outdated: bool = True, starts_s: float = 5, follows_s: float = 5) -> FakeSet:
    members = [member(ordinal, outdated=outdated) for ordinal in range(count)]
    return FakeSet(FakeClock(), {one.name: one for one in members}, f"m-{primary}", starts_s, follows_s)


def member(ordinal: int, *, ready: bool = True, outdated: bool = False) -> Member:
    return Member(name=f"m-{ordinal}", uid=f"uid-{ordinal}", ready=ready, outdated=outdated)


@dataclass
class FakePods:
    """What is Kubernetes of it."""

    of: FakeSet

    def look(self) -> Sequence[Member]:
        return list(self.of.members.values())

    def replace(self, member: Member) -> None:
        self.of.replace(member)


@dataclass
class FakeRoles:
    """What is PostgreSQL of it, or Redis."""

    of: FakeSet

    def look(self, names: Sequence[str]) -> Standing:
        return self.of.standing(names)

    def switch_over(self, primary: str, successor: str) -> None:
        self.of.switch_over(primary, successor)


def rolled(of: FakeSet, seconds: float = 600) -> list[str]:
    deadline = Deadline(seconds, clock=of.clock, sleep=of.clock.sleep)
    roll(FakePods(of), FakeRoles(of), deadline, PATIENCE_S)
    return of.log


def test_replicas_go_first_then_the_roles_change_then_the_old_primary_goes() -> None:
    assert rolled(fake(3)) == ["m-2", "m-1", "m-0>m-1", "m-0"]
    assert rolled(fake(3, primary=1)) == ["m-2", "m-0", "m-1>m-0", "m-1"]


def test_each_is_waited_for_until_it_is_ready_and_follows() -> None:
    of = fake(3, starts_s=20, follows_s=30)
    rolled(of)
    assert of.clock.now >= 3 * 20 + 4 * 30 - 30
    assert all(one.ready and not one.outdated for one in of.members.values())


def test_a_single_member_is_just_replaced() -> None:
    assert rolled(fake(1)) == ["m-0"]


def test_nothing_to_do_is_waiting_for_all() -> None:
    of = fake(3, outdated=False)
    of.members["m-2"] = replace(of.members["m-2"], uid="", ready=False)
    of.clock.events.append((30, lambda: of.members.update({"m-2": member(2)})))
    assert rolled(of) == []
    assert of.clock.now >= 30


def test_what_is_left_of_a_broken_off_run_is_done() -> None:
    of = fake(3, outdated=False, primary=1)
    of.members["m-0"] = replace(of.members["m-0"], outdated=True)
    assert rolled(of) == ["m-0"]
    of = fake(3, outdated=False, primary=1)
    of.members["m-1"] = replace(of.members["m-1"], outdated=True)
    assert rolled(of) == ["m-1>m-0", "m-1"]


def test_the_roles_may_change_meanwhile() -> None:
    of = fake(3)
    of.clock.events.append((1, lambda: setattr(of, "primary", "m-1")))
    assert rolled(of) == ["m-2", "m-0", "m-1>m-0", "m-1"]


def test_a_set_that_does_not_get_well_is_left_alone() -> None:
    of = fake(3)
    of.members["m-1"] = replace(of.members["m-1"], ready=False, outdated=False)
    with pytest.raises(ToolError, match="not done within 300 s: m-1: not ready"):
        rolled(of, 300)
    assert of.log == []


def test_a_replica_that_does_not_catch_up_stops_the_rollout() -> None:
    of = fake(3, follows_s=1e6)
    with pytest.raises(ToolError, match="m-2: does not follow"):
        rolled(of, 300)
    assert of.log == ["m-2"]


def test_a_primary_that_does_not_move_is_kept() -> None:
    of = fake(2)
    of.refuses = True
    with pytest.raises(ToolError, match="not now"):
        rolled(of, 120)
    assert of.log == ["m-1"]


def test_an_outdated_pod_that_never_gets_ready_is_replaced_after_a_while() -> None:
    of = fake(3, outdated=True)  # its template is broken, and the present one mends it
    of.members["m-2"] = replace(of.members["m-2"], ready=False)
    log = rolled(of)
    assert log == ["m-2", "m-1", "m-0>m-1", "m-0"]
    assert of.clock.now >= PATIENCE_S


def test_if_none_gets_ready_each_is_replaced() -> None:
    of = fake(3, outdated=True)
    of.members = {name: replace(one, ready=False) for name, one in of.members.items()}
    assert sorted(rolled(of)) == ["m-0", "m-1", "m-2"]


@pytest.mark.parametrize(
    ("members", "standing", "step"),
    [
        ([member(0), member(1)], Standing(primary="m-0", successors=["m-1"]), None),
        (
            [member(0, outdated=True), member(1)],
            Standing(primary="m-0", successors=["m-1"]),
            SwitchOver(primary="m-0", successor="m-1"),
        ),
        (
            [member(0), member(1, outdated=True)],
            Standing(primary="m-0", successors=["m-1"]),
            Replace(member=member(1, outdated=True)),
        ),
        (
            [member(0, outdated=True)],
            Standing(primary="m-0", successors=[]),
            Replace(member=member(0, outdated=True)),
        ),
    ],
)
def test_the_next_step(members: list[Member], standing: Standing, step: object) -> None:
    assert next_step(members, standing) == step


def test_without_a_successor_there_is_no_switchover() -> None:
    with pytest.raises(NotYet, match="nobody may take over from m-0"):
        next_step([member(0, outdated=True), member(1)], Standing(primary="m-0", successors=[]))
