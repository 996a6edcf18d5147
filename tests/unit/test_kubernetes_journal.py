"""The kubernetes stand-in: what a killed plugin had begun is found again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.plugins.kubernetes import journal
from sandbox.plugins.kubernetes.journal import Create, Journal

CREATE = Create("https://a", "urn:x::web", "apps/v1", "Deployment", "n", "web-1", "manager")


def left(where: Path) -> Create | None:
    return Journal(where).left_open(CREATE.server, CREATE.urn, CREATE.api_version, CREATE.kind, CREATE.namespace)


def kill(where: Path) -> None:
    """Make all files those of a process that has ended."""
    for path in where.iterdir():
        noted = json.loads(path.read_text())
        path.write_text(json.dumps({**noted, "owner": noted["owner"].rsplit("/", 1)[0] + "/0"}))


def test_orderly_end_leaves_nothing(tmp_path: Path) -> None:
    mine = Journal(tmp_path)
    mine.begin(CREATE)
    mine.close()
    assert not list(tmp_path.iterdir())


def test_killed(tmp_path: Path) -> None:
    Journal(tmp_path).begin(CREATE)
    assert left(tmp_path) is None, "its process is still alive"
    kill(tmp_path)
    assert left(tmp_path) == CREATE
    again = Journal(tmp_path)
    again.begin(CREATE)
    again.close()
    assert left(tmp_path) is None


def test_unknown_end(tmp_path: Path) -> None:
    mine = Journal(tmp_path)
    mine.begin(CREATE)
    mine.begin(replace(CREATE, name="another"))
    mine.leave_open(CREATE)
    mine.close()
    kill(tmp_path)
    assert left(tmp_path) == CREATE
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_taken_over_is_not_deleted_for_the_same_resource(tmp_path: Path) -> None:
    mine = Journal(tmp_path)
    mine.take_over(CREATE)
    assert mine.took_over(CREATE.urn, CREATE.namespace, CREATE.name)
    assert not mine.took_over(CREATE.urn, CREATE.namespace, "another")
    assert not mine.took_over("another", CREATE.namespace, CREATE.name)


@pytest.mark.parametrize(
    "other", [{"server": "https://b"}, {"urn": "urn:y"}, {"namespace": "m"}, {"kind": "StatefulSet"}], ids=str
)
def test_only_for_that_resource(tmp_path: Path, other: dict[str, str]) -> None:
    Journal(tmp_path).begin(replace(CREATE, **other))
    kill(tmp_path)
    assert left(tmp_path) is None


def test_what_the_state_holds_is_not_open(tmp_path: Path) -> None:
    Journal(tmp_path).begin(CREATE)
    kill(tmp_path)
    mine = Journal(tmp_path)
    mine.recorded(CREATE.urn, CREATE.namespace, "what it replaces")
    assert left(tmp_path) == CREATE
    mine.recorded(CREATE.urn, CREATE.namespace, CREATE.name)
    assert left(tmp_path) is None


def test_half_written_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"owner": "a')
    assert left(tmp_path) is None


def test_folder_is_the_engines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert journal.default_folder().parent == tmp_path
