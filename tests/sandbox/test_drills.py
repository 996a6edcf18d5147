"""The drills that CI runs: `make drill-data DRILLS=--short`."""

from pathlib import Path

import pytest

from tests.drills import __main__ as drills
from tests.drills.site import Site
from tests.sandbox.platform import Platform


def test_the_data_layer_survives_what_ci_does_to_it(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(platform.cluster, tmp_path, drills.settings())
    try:
        site.up()
        rows = drills.run(site, drills.SHORT)
    finally:
        site.close()
    with capsys.disabled():
        print("\n" + "\n".join(map(str, rows)))
    assert [str(row) for row in rows if not row.good] == []
