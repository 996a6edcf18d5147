"""One fixture for everything that registers resources: the Pulumi runtime with recording mocks."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.program import Recorder, record

Run = Callable[[Callable[[], object]], Recorder]


@pytest.fixture(params=[True, False], ids=["preview", "update"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a program with mocks, in a preview and in an update; returns once every registration has settled."""
    return partial(record, preview=request.param)
