"""Layers and images: same content, same bytes; made once; nothing half-made stays."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.errors import SandboxError
from sandbox.images import layers, oci
from sandbox.images.layers import Layer


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(layers, "STORE", tmp_path / "store")
    monkeypatch.setattr(layers, "BLOBS", tmp_path / "store" / "blobs")
    monkeypatch.setattr(paths, "BUILD_LOGS", tmp_path)
    return tmp_path / "store"


def make_tree(root: Path, time: float) -> Path:
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "tool").write_text("#!/bin/sh\n")
    (root / "bin" / "tool").chmod(0o700)
    (root / "data").write_text("data")
    (root / "data").chmod(0o600)
    (root / "bin" / "link").symlink_to("tool")
    for path in (root / "data", root / "bin" / "tool", root / "bin"):
        os.utime(path, (time, time))
    return root


def test_packing_does_not_depend_on_time_or_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        first = layers.pack(make_tree(tmp_path / "a" / "tree", 1_000_000)).read_bytes()
    finally:
        os.umask(old)
    second = layers.pack(make_tree(tmp_path / "b" / "tree", 2_000_000)).read_bytes()
    assert first == second


def test_packing_keeps_links_and_executable_bits_only(tmp_path: Path) -> None:
    with tarfile.open(layers.pack(make_tree(tmp_path / "tree", 1.0))) as archive:
        modes = {entry.name: (entry.type, entry.mode, entry.linkname) for entry in archive}
        owners = {(entry.uid, entry.gid, entry.mtime) for entry in archive}
    assert modes == {
        "bin": (tarfile.DIRTYPE, 0o755, ""),
        "bin/tool": (tarfile.REGTYPE, 0o755, ""),
        "bin/link": (tarfile.SYMTYPE, 0o755, "tool"),
        "data": (tarfile.REGTYPE, 0o644, ""),
    }
    assert owners == {(0, 0, layers.EPOCH)}


def test_a_layer_is_made_once_for_the_same_pins_and_sources(tmp_path: Path) -> None:
    made: list[str] = []
    source = tmp_path / "recipe.py"
    source.write_text("1")

    def layer(*pins: str) -> Layer:
        def make(scratch: Path) -> Path:
            made.append(" ".join(pins))
            return layers.pack(make_tree(scratch / "tree", 1.0))

        return layers.cached("it", [source], pins, make)

    assert layer("a") == layer("a")
    assert made == ["a"]
    layer("b")
    source.write_text("2")
    layer("b")
    assert made == ["a", "b", "b"]


def test_a_failed_layer_leaves_nothing_and_is_made_the_next_time(tmp_path: Path, store: Path) -> None:
    def fail(scratch: Path) -> Path:
        (scratch / "half").touch()
        layers.run("it", ["sh", "-c", "echo no room; exit 1"])
        raise AssertionError("unreachable")

    with pytest.raises(SandboxError, match=r"making the image layer it failed: no room \(whole log: .*image-it.log\)"):
        layers.cached("it", [], [], fail)
    assert list((store / "scratch").iterdir()) == [store / "scratch" / "it.lock"]
    assert layers.cached("it", [], [], lambda scratch: layers.pack(make_tree(scratch / "tree", 1.0))).size > 0


def test_what_an_interrupted_run_left_is_not_used(store: Path) -> None:
    def make(scratch: Path) -> Path:
        assert list(scratch.iterdir()) == []
        return layers.pack(make_tree(scratch / "tree", 1.0))

    (store / "scratch" / "it").mkdir(parents=True)
    (store / "scratch" / "it" / "half").touch()
    layers.cached("it", [], [], make)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(SandboxError, match="no-such-program is missing"):
        layers.run("it", ["no-such-program"])


def test_an_image_of_the_same_layers_has_the_same_digest(store: Path, tmp_path: Path) -> None:
    layer = layers.add_tar(layers.pack(make_tree(tmp_path / "tree", 1.0)))
    content = oci.Content(layers=[layer], environment={"A": "1"}, command=["tool"])
    first = oci.write("registry.example/library/it", "1", content)
    assert first == oci.write("registry.example/library/it", "1", content)
    assert first.repository == "library/it"
    manifest = json.loads((store / "blobs" / first.digest.removeprefix("sha256:")).read_text())
    config = json.loads((store / "blobs" / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    assert manifest["layers"][0]["digest"] == layer.digest
    assert config["rootfs"]["diff_ids"] == [layer.diff_id]
    assert config["config"] == {"Env": ["A=1"], "Cmd": ["tool"], "User": ""}
