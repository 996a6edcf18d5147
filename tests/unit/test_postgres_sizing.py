"""Memory and connections of PostgreSQL: what follows from two settings, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.base import DeclarationError
from components.data.postgres import sizing
from components.data.postgres.sizing import Sizing

GIB = 1024


def kilobytes(value: str | int) -> int:
    text = str(value)
    return int(text[:-2]) * {"kB": 1, "MB": 1024}[text[-2:]]


def test_a_quarter_is_for_buffers_and_the_planner_counts_on_three() -> None:
    found = Sizing(memory_mib=4 * GIB, max_connections=200).parameters
    assert (found["shared_buffers"], found["effective_cache_size"]) == ("1024MB", "3072MB")


@given(gib=st.integers(1, 16), connections=st.integers(20, 2000))
def test_all_queries_at_once_stay_within_a_quarter_or_it_is_refused(gib: int, connections: int) -> None:
    if sizing.memory_refusal(memory_mib=gib * GIB, max_connections=connections):
        with pytest.raises(DeclarationError):
            Sizing(memory_mib=gib * GIB, max_connections=connections)
        return
    found = Sizing(memory_mib=gib * GIB, max_connections=connections).parameters
    work_mem = kilobytes(found["work_mem"])
    assert work_mem >= sizing.LEAST_WORK_MEM_KB
    # Twice as much for hash tables would be PostgreSQL's own choice.
    assert found["hash_mem_multiplier"] == 1
    everything = [found["shared_buffers"], *[found["work_mem"]] * connections, *[found["maintenance_work_mem"]] * 3]
    assert sum(map(kilobytes, everything)) <= gib * GIB * 1024 * 0.65


def test_too_many_connections_for_the_memory_are_refused_with_the_most_that_it_can_have() -> None:
    assert sizing.memory_refusal(memory_mib=GIB, max_connections=341) == ""
    refused = sizing.memory_refusal(memory_mib=GIB, max_connections=342)
    assert refused.startswith("at most 341 with 1024 MiB of memory")
    with pytest.raises(DeclarationError, match="max_connections 342: must be at most 341"):
        Sizing(memory_mib=GIB, max_connections=342)


def test_pools_are_counted_for_each_client_and_pod_with_one_pod_more_during_a_rollout() -> None:
    own = sizing.SUPERUSERS + sizing.OTHERS
    assert sizing.connections(clients=0, pool=5, bouncers=2) == own
    assert sizing.connections(clients=8, pool=5, bouncers=3) == 8 * (5 + 1) * (3 + 1) + own


def test_pools_beyond_max_connections_are_refused_and_those_that_just_fit_are_not() -> None:
    needed = sizing.connections(clients=8, pool=5, bouncers=3)
    assert sizing.pools_refusal(clients=8, pool=5, bouncers=3, max_connections=needed) == ""
    refused = sizing.pools_refusal(clients=8, pool=5, bouncers=3, max_connections=needed - 1)
    assert refused.startswith(f"at most 4, or max_connections at least {needed}, not {needed - 1}: 8 clients x")
    assert "\n" not in refused


@given(
    clients=st.integers(1, 50), pool=st.integers(1, 50), bouncers=st.integers(1, 8), connections=st.integers(20, 2000)
)
def test_what_a_refusal_advises_is_accepted(clients: int, pool: int, bouncers: int, connections: int) -> None:
    refused = sizing.pools_refusal(clients=clients, pool=pool, bouncers=bouncers, max_connections=connections)
    if refused.startswith("at most "):
        advised = int(refused.split()[2].rstrip(","))
        assert 1 <= advised < pool
        assert not sizing.pools_refusal(clients=clients, pool=advised, bouncers=bouncers, max_connections=connections)
        assert sizing.pools_refusal(clients=clients, pool=advised + 1, bouncers=bouncers, max_connections=connections)
    elif refused:
        assert refused.startswith("less, with fewer clients or pods, or max_connections at least ")
