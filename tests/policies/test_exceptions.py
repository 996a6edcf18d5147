"""Exceptions: data with an owner, a reason and an end."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from policies.exceptions import Entry, Exceptions, ExceptionsError, load
from policies.security.rules import RULES

TODAY = date(2026, 11, 24)
NAMES = {"k8s-pod-isolation", "k8s-limits-and-probes"}
ENTRY = {
    "policy": "k8s-pod-isolation",
    "resource": "agent",
    "owner": "platform",
    "reason": "reads the node's logs",
    "expires": TODAY,
}


def written(folder: Path, *entries: object) -> Path:
    file = folder / "exceptions.yaml"
    file.write_text(yaml.safe_dump({"exceptions": list(entries)}))
    return file


def entry(**changes: object) -> Entry:
    return Entry.model_validate(ENTRY | changes)


def test_an_exception_in_force_passes_and_counts_as_used(tmp_path: Path) -> None:
    exceptions = load(written(tmp_path, ENTRY), NAMES, TODAY)
    assert not exceptions.used
    assert exceptions.passes("k8s-pod-isolation", "agent", "spec.hostPID")
    assert list(exceptions.used) == [entry()]
    assert exceptions.expired() == []


@pytest.mark.parametrize(
    ("policy", "resource"), [("k8s-limits-and-probes", "agent"), ("k8s-pod-isolation", "agent-2"), ("", "")]
)
def test_it_passes_nothing_else(policy: str, resource: str) -> None:
    exceptions = Exceptions([entry()], TODAY)
    assert not exceptions.passes(policy, resource, "spec.hostPID")
    assert not exceptions.used


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("spec.volumes", True),
        ("spec.volumes[0].hostPath", True),
        ("spec.volumes.x", True),
        ("spec.volumesX", False),
        ("spec.hostPID", False),
        ("spec", False),
        ("", False),
    ],
)
def test_paths(path: str, covered: bool) -> None:
    assert entry(paths=["spec.volumes"]).covers("k8s-pod-isolation", "agent", path) is covered


def test_it_holds_on_its_last_day_and_no_longer() -> None:
    last = Exceptions([entry()], TODAY)
    assert last.passes("k8s-pod-isolation", "agent", "x")
    after = Exceptions([entry()], date(2026, 11, 25))
    assert not after.passes("k8s-pod-isolation", "agent", "x")
    assert after.expired() == [entry()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"policy": "k8s-pod-isolatoin"}, "no policy k8s-pod-isolatoin in this pack"),
        ({"policy": ""}, "exceptions.0.policy"),
        ({"resource": ""}, "exceptions.0.resource"),
        ({"resource": None}, "exceptions.0.resource"),
        ({"owner": ""}, "exceptions.0.owner"),
        ({"owner": 0}, "exceptions.0.owner"),
        ({"reason": "because"}, "exceptions.0.reason"),
        ({"expires": None}, "exceptions.0.expires"),
        ({"expires": "2027-01-01"}, "exceptions.0.expires"),
        ({"expires": 2027}, "exceptions.0.expires"),
        ({"paths": []}, "exceptions.0.paths"),
        ({"until": TODAY}, "exceptions.0.until"),
    ],
)
def test_a_malformed_entry_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(ExceptionsError, match=said):
        load(written(tmp_path, ENTRY | change), NAMES, TODAY)


@pytest.mark.parametrize("missing", ENTRY)
def test_a_missing_field_is_refused(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ExceptionsError, match=rf"exceptions\.0\.{missing}: Field required"):
        load(written(tmp_path, {key: value for key, value in ENTRY.items() if key != missing}), NAMES, TODAY)


@pytest.mark.parametrize("text", ["", "[]", "exceptions:", "exceptions: {}", "exceptions: [", "other: []"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "exceptions.yaml").write_text(text)
    with pytest.raises(ExceptionsError, match=r"exceptions\.yaml"):
        load(tmp_path / "exceptions.yaml", NAMES, TODAY)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExceptionsError, match=r"exceptions\.yaml"):
        load(tmp_path / "exceptions.yaml", NAMES, TODAY)


def test_the_committed_file_loads() -> None:
    file = Path(__file__).parents[2] / "policies" / "security" / "exceptions.yaml"
    load(file, {rule.name for rule in RULES}, TODAY)
