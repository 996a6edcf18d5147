"""One fixture for everything that registers resources: the Pulumi runtime with recording mocks."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import pytest

from tests.program import Recorder, record


class Run(Protocol):
    """Runs a program; see `tests.program.record`."""

    def __call__(self, body: Callable[[], object], recorder: Recorder | None = None) -> Recorder:
        """All that it registered."""
        ...


@pytest.fixture(params=[True, False], ids=["preview", "update"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a program with mocks, in a preview and in an update; returns once every registration has settled."""
    return partial(record, preview=request.param)
