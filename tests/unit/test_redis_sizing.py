"""What follows from the memory of a Redis member."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.base import DeclarationError
from components.data.redis.sizing import sizing


def test_the_smallest_and_the_largest() -> None:
    least, most = sizing("1Gi"), sizing("8Gi")
    assert (least.maxmemory_mib, least.backlog_mib, least.replica_buffer_mib, least.volume_mib) == (614, 32, 128, 2456)
    assert (most.maxmemory_mib, most.backlog_mib, most.replica_buffer_mib, most.volume_mib) == (4915, 256, 1024, 19660)


@given(st.integers(min_value=1024, max_value=8192))
def test_there_is_room_to_rewrite_the_log_while_a_replica_lags(mib: int) -> None:
    made = sizing(f"{mib}Mi")
    assert made.memory == f"{mib}Mi"
    left = mib - made.maxmemory_mib - made.replica_buffer_mib
    # A quarter of the memory, as Amazon keeps, is free even then.
    assert left >= mib // 4
    assert made.backlog_mib < made.maxmemory_mib


@pytest.mark.parametrize("memory", ["1023Mi", "512Mi", "9Gi", "8193Mi"])
def test_less_and_more_are_refused(memory: str) -> None:
    with pytest.raises(DeclarationError, match="from 1Gi to 8Gi"):
        sizing(memory)
