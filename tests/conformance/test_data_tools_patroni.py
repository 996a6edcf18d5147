"""The roles of PostgreSQL's members and their switchover, with a real Patroni on the generated configuration."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from urllib3.util import connection

from components.data.postgres import patroni
from data_tools.credentials import Credentials
from data_tools.errors import ToolError
from data_tools.rollout.order import NotYet, Standing
from data_tools.rollout.patroni import Patroni
from tests.conformance.postgres.conftest import MEMBERS, machine
from tests.conformance.postgres.members import HOST, PASSWORDS, Cluster, Machine, running
from tests.waiting import until

__all__ = ["machine"]  # the fixture

SETTLES_S = 90.0


@pytest.fixture(scope="module")
def cluster(machine: Machine) -> Iterator[Cluster]:
    """Three members in synchronous mode."""
    with running(machine, replace(MEMBERS, synchronous=True), 3) as started:
        yield started


@pytest.fixture
def roles(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Patroni:
    """What the rollout asks; its names lead to the members' addresses."""
    connect: Callable[..., Any] = connection.create_connection

    def to_member(address: tuple[str, int], *more: Any, **options: Any) -> Any:  # noqa: ANN401
        return connect((cluster.pods[address[0].split(".")[0]], address[1]), *more, **options)

    monkeypatch.setattr(connection, "create_connection", to_member)
    admin = Credentials(username=patroni.API_USER, password=PASSWORDS["restapi"], ca=cluster.machine.authority.cert)
    return Patroni(url=lambda name: f"https://{name}.{HOST}:{patroni.API_PORT}", credentials=admin)


def test_roles_are_seen_as_they_are_and_move_on_demand(cluster: Cluster, roles: Patroni) -> None:
    names, network = list(cluster.pods), cluster.machine.network

    def settled() -> list[Standing]:
        try:
            return [network.do(lambda: roles.look(names))]
        except NotYet:
            return []

    def all_follow() -> Standing:
        return until("all follow one primary", settled, seconds=SETTLES_S)[0]

    before = all_follow()
    assert before.primary == cluster.primary()
    (synchronous,) = before.successors
    (other,) = set(names) - {before.primary, synchronous}
    with pytest.raises(NotYet, match="412 candidate name does not match with sync_standby"):
        network.do(lambda: roles.switch_over(before.primary, other))
    stranger = replace(roles, credentials=replace(roles.credentials, password="another"))
    with pytest.raises(ToolError, match="refuses the credentials"):
        network.do(lambda: stranger.switch_over(before.primary, synchronous))

    cluster.pod_of[other].kill()
    with pytest.raises(NotYet, match=f"{other}: does not follow the primary"):
        network.do(lambda: roles.look(names))
    cluster.start(other)
    all_follow()

    network.do(lambda: roles.switch_over(before.primary, synchronous))
    after = all_follow()
    assert after.primary == cluster.primary() == synchronous
