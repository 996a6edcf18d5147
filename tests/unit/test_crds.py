"""CRDs of add-ons: only the locked bytes count, what is wrong is one line, and only descriptions of schemas go."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import crds
from catalog.crds import CrdError, Locked
from sandbox.errors import SandboxError
from tools import vendor
from tools.vendor import Source

CRD = """\
kind: CustomResourceDefinition
metadata: {name: its.example.test}
spec:
  versions:
    - name: v1
      additionalPrinterColumns: [{name: Age, description: of a column, jsonPath: .age}]
      schema:
        openAPIV3Schema:
          description: of the whole
          type: object
          required: [description]
          properties:
            description: {description: of the property that is called so, type: string}
            default:
              type: object
              default: {description: a value}
              enum: [{description: another value}]
              additionalProperties: {description: of a value, type: string}
            list:
              items:
                anyOf: [{description: one, type: string}, {description: other, not: {description: no, type: object}}]
            free: {x-kubernetes-preserve-unknown-fields: true, additionalProperties: true}
    - {name: v0}
"""

BARE = {
    "type": "object",
    "required": ["description"],
    "properties": {
        "description": {"type": "string"},
        "default": {
            "type": "object",
            "default": {"description": "a value"},
            "enum": [{"description": "another value"}],
            "additionalProperties": {"type": "string"},
        },
        "list": {"items": {"anyOf": [{"type": "string"}, {"not": {"type": "object"}}]}},
        "free": {"x-kubernetes-preserve-unknown-fields": True, "additionalProperties": True},
    },
}


class Place:
    """A lock, a folder of vendored files, and a Go module that has `it.yaml`."""

    def __init__(self, root: Path) -> None:
        self.lock, self.vendored, self.module = root / "crds.lock", root / "vendor", root / "module"
        self.file = self.vendored / "addon" / "it.yaml"
        (self.module / "crds").mkdir(parents=True)
        (self.module / "crds" / "it.yaml").write_text(CRD)
        self.write_lock(hashlib.sha256(CRD.encode()).hexdigest())

    def write_lock(self, digest: str) -> None:
        self.lock.write_text(json.dumps({"addon": {"version": "v1.0.0", "files": {"it.yaml": digest}}}))

    def load(self, addon: str = "addon") -> list[dict[str, Any]]:
        return crds.load(addon, self.lock, self.vendored)

    def sources(self, version: str = "v1.0.0", file: str = "it.yaml") -> dict[str, Source]:
        source = Source(gomod=self.module, module="example.test/it", version=version, folder="crds", files=[file])
        return {"addon": source}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def go(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `go` that knows where the module is; returns the file in which it records its calls."""
    calls = tmp_path / "calls"
    program = tmp_path / "bin" / "go"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho \"$@\" >>{calls}\necho '{json.dumps({'Dir': str(place.module)})}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return calls


def test_descriptions_of_schemas_go_and_nothing_else(place: Place) -> None:
    place.file.parent.mkdir(parents=True)
    place.file.write_text(CRD)
    (loaded,) = place.load()
    expected = yaml.safe_load(CRD)
    expected["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = BARE
    assert loaded == expected


@pytest.mark.parametrize("content", [None, "", CRD + "\n"], ids=["missing", "empty", "changed"])
def test_what_is_not_locked_is_not_loaded(place: Place, content: str | None) -> None:
    if content is not None:
        place.file.parent.mkdir(parents=True)
        place.file.write_text(content)
    with pytest.raises(CrdError) as refused:
        place.load()
    assert str(refused.value) == "vendor/crds/addon/it.yaml is missing or differs: run `make vendor`"


def test_an_unknown_addon_is_answered_with_the_known_ones(place: Place) -> None:
    with pytest.raises(CrdError, match=r"^crds\.lock: no CRDs of `adon`; it has addon$"):
        place.load("adon")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"^crds\.lock: not a readable lock"),
        ('{"a": {"version": "v1", "files": {}}}', r"^crds\.lock: a\.files: Dictionary should have at least 1"),
        ('{"a": {"version": "v1", "files": {"f": "x"}}}', r"^crds\.lock: a\.files\.f: String should match"),
    ],
)
def test_a_broken_lock_is_refused_in_one_line(place: Place, content: str, said: str) -> None:
    place.lock.write_text(content)
    with pytest.raises(CrdError, match=said) as refused:
        place.load()
    assert "\n" not in str(refused.value)


def test_a_second_run_does_not_ask_go(place: Place, go: Path) -> None:
    vendor.vendor(place.sources(), place.lock, place.vendored)
    assert go.read_text() == "version\nmod download -json example.test/it\n"
    vendor.vendor(place.sources(), place.lock, place.vendored)
    assert go.read_text().count("download") == 1
    assert place.load()


def test_a_changed_file_is_brought_in_anew(place: Place, go: Path) -> None:
    place.file.parent.mkdir(parents=True)
    place.file.write_text("changed")
    vendor.vendor(place.sources(), place.lock, place.vendored)
    assert place.file.read_text() == CRD


@pytest.mark.usefixtures("go")
def test_a_file_of_upstream_that_is_not_the_locked_one_stays_out(place: Place) -> None:
    place.write_lock("0" * 64)
    with pytest.raises(CrdError, match=r"^it\.yaml of example\.test/it v1\.0\.0 is not the one that crds\.lock names$"):
        vendor.vendor(place.sources(), place.lock, place.vendored)
    assert not place.file.exists()


@pytest.mark.usefixtures("go")
def test_a_file_that_upstream_lacks_is_named(place: Place) -> None:
    with pytest.raises(CrdError, match=r"^example\.test/it v1\.0\.0 has no crds/other\.yaml$"):
        vendor.update(place.sources(file="other.yaml"), place.lock, place.vendored)


def test_a_new_version_asks_for_a_new_lock(place: Place, go: Path) -> None:
    wanted = place.sources("v1.1.0")
    with pytest.raises(CrdError, match=r"^crds\.lock is not of addon v1\.1\.0: run `python -m tools\.vendor --update`"):
        vendor.vendor(wanted, place.lock, place.vendored)
    assert not go.exists()
    vendor.update(wanted, place.lock, place.vendored)
    digest = hashlib.sha256(CRD.encode()).hexdigest()
    assert crds.read_lock(place.lock) == {"addon": Locked(version="v1.1.0", files={"it.yaml": digest})}
    vendor.vendor(wanted, place.lock, place.vendored)
    assert place.load()


def test_without_go_one_line_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place.module))
    with pytest.raises(SandboxError, match=r"^no usable Go: install Go >= 1\.26"):
        vendor.vendor(place.sources(), place.lock, place.vendored)


def test_a_refused_module_is_one_line(place: Place, go: Path) -> None:
    answer = json.dumps({"Error": "example.test/it@v1.0.0: checksum mismatch\n\nSECURITY ERROR"})
    program = go.parent / "bin" / "go"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nif sys.argv[1] == 'mod':\n    print({answer!r})\n    sys.exit(1)\n"
    )
    with pytest.raises(SandboxError, match=r"^the Go module example\.test/it v1\.0\.0 cannot be had: SECURITY ERROR$"):
        vendor.vendor(place.sources(), place.lock, place.vendored)


def test_the_committed_lock_is_of_the_version_that_the_image_has() -> None:
    locked = crds.read_lock()
    assert {addon: source.version for addon, source in vendor.sources().items()} == {
        addon: entry.version for addon, entry in locked.items()
    }


def test_the_vendored_crds_of_cert_manager_are_those_of_its_controllers() -> None:
    """Fails, never skips: without the files nothing can be deployed. `make vendor` brings them."""
    loaded = crds.load("cert-manager")
    assert [crd["metadata"]["name"] for crd in loaded] == [
        f"{kind}.cert-manager.io" for kind in ("certificaterequests", "certificates", "clusterissuers", "issuers")
    ]
    # What was to be gained: the state holds a copy of each, as its input and as its output.
    assert sum(len(json.dumps(crd)) for crd in loaded) < 100_000
