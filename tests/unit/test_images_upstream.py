"""Upstream's images rebuilt: the versions that the catalogue names, the entrypoints that upstream's have."""

import json
import tarfile
from pathlib import Path

import pytest

from catalog import images as catalogue
from sandbox import gobuild, paths
from sandbox.images import layers, oci, static, upstream

KEYS = sorted(upstream.UPSTREAMS)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(layers, "STORE", tmp_path / "store")
    monkeypatch.setattr(layers, "BLOBS", tmp_path / "store" / "blobs")
    monkeypatch.setattr(paths, "BUILD_LOGS", tmp_path)
    return tmp_path / "store"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    built = tmp_path / "it-0123" / "it"
    built.parent.mkdir()
    built.write_text("binary")
    built.chmod(0o755)
    return built


def read(store: Path, digest: str) -> bytes:
    return (store / "blobs" / digest.removeprefix("sha256:")).read_bytes()


def configuration(store: Path, image: oci.Image) -> dict[str, object]:
    manifest = json.loads(read(store, image.digest))
    return json.loads(read(store, manifest["config"]["digest"]))["config"]


def test_a_static_image_holds_the_program_as_its_entrypoint_and_nothing_else(store: Path, program: Path) -> None:
    image = static.image("registry.example/it", "v1", program, user="1:2", place="/app/it/run")
    assert configuration(store, image) == {"Env": [], "Entrypoint": ["/app/it/run"], "User": "1:2"}
    (layer,) = json.loads(read(store, image.digest))["layers"]
    with tarfile.open(store / "blobs" / layer["digest"].removeprefix("sha256:")) as archive:
        assert [(entry.name, oct(entry.mode)) for entry in archive if entry.isfile()] == [("app/it/run", "0o755")]


def test_a_static_image_is_packed_anew_if_the_program_was_built_anew_or_moves(program: Path) -> None:
    def digest(program: Path, place: str | None = None) -> str:
        return static.image("registry.example/it", "v1", program, user="1:2", place=place).digest

    first = digest(program)
    program.write_text("not looked at: the folder's name says what is in it")
    assert digest(program) == first
    assert digest(program, "/other") != first
    assert digest(program.parent.rename(program.parent.with_name("it-4567")) / "it") != first


@pytest.mark.parametrize("key", KEYS)
def test_the_sandbox_serves_the_version_that_the_tag_names(key: str) -> None:
    assert catalogue.load().images[key].tag == upstream.version(key)


@pytest.mark.parametrize("key", KEYS)
def test_the_module_is_locked_by_hash(key: str) -> None:
    module, version = upstream.UPSTREAMS[key].module, upstream.version(key)
    assert f"{module} {version} h1:" in (upstream.folder(key) / "go.sum").read_text()
    assert "replace" not in (upstream.folder(key) / "go.mod").read_text()


@pytest.mark.parametrize("key", KEYS)
def test_the_image_is_built_from_its_module_and_runs_as_upstream_does(
    key: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: list[str] = []

    def build(name: str, module: Path, *, ldflags: str) -> Path:
        assert module == upstream.folder(name)
        flags.append(ldflags)
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("binary")
        return tmp_path / name

    monkeypatch.setattr(gobuild, "build", build)
    entry = catalogue.load().images[key]
    image = upstream.image(key, entry)
    made = upstream.UPSTREAMS[key]
    assert (image.name, image.tag) == (entry.name, entry.tag)
    assert configuration(store, image) == {"Env": [], "Entrypoint": [made.place], "User": made.user}
    assert flags == [f"-s -w -X {made.stamp}={entry.tag}" if made.stamp else "-s -w"]


@pytest.mark.parametrize("key", KEYS)
def test_go_names_the_program_as_the_recipe_expects(key: str) -> None:
    module = (upstream.folder(key) / "go.mod").read_text()
    (tool,) = (line.split()[1] for line in module.splitlines() if line.startswith("tool "))
    assert tool.rpartition("/")[2] == key
