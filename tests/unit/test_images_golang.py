"""The Go that the image golang is made of: the machine's, with the machine's way to modules."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.errors import SandboxError
from sandbox.images import golang, layers
from sandbox.images.layers import Layer

GO = """\
#!/bin/sh
case $1 in
version) echo "go version {version} linux/amd64" ;;
env) echo '{{"GOROOT": "{root}", "GOPROXY": "https://go.test", "GONOSUMDB": ""}}' ;;
esac
"""


@pytest.fixture(autouse=True)
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose Go is version 1.26.4, without a proxy; returns its program `go`."""
    for variable in os.environ:
        if variable.lower().endswith("_proxy"):
            monkeypatch.delenv(variable)
    monkeypatch.setattr(layers, "STORE", tmp_path / "store")
    monkeypatch.setattr(layers, "BLOBS", tmp_path / "store" / "blobs")
    monkeypatch.setattr(paths, "BUILD_LOGS", tmp_path)
    root = tmp_path / "goroot"
    for name in ("VERSION", "LICENSE", "go.env", "bin/go", "lib/zone", "pkg/tool/link", "src/os/os.go", "test/a.go"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    program = tmp_path / "path" / "go"
    program.parent.mkdir()
    program.write_text(GO.format(version="go1.26.4", root=root))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def files(layer: Layer) -> Iterator[tuple[str, str]]:
    with tarfile.open(layers.BLOBS / layer.digest.removeprefix("sha256:")) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            if content:
                yield entry.name.removeprefix("usr/local/go/"), content.read().decode()


def test_the_layer_has_what_builds_programs_and_reaches_modules_as_the_machine_does() -> None:
    found = dict(files(golang.layer()))
    assert found.pop("go.env") == "GOPROXY=https://go.test\nGONOSUMDB=\n"
    assert set(found) == {"VERSION", "LICENSE", "bin/go", "lib/zone", "pkg/tool/link", "src/os/os.go"}


def test_another_way_to_modules_makes_another_layer(go: Path) -> None:
    first = golang.layer()
    assert golang.layer() == first
    go.write_text(go.read_text().replace("go.test", "other.test"))
    assert golang.layer() != first


@pytest.mark.parametrize("version", ["go1.27.1", "go1.2"])
def test_another_go_is_refused_in_one_line(go: Path, version: str) -> None:
    go.write_text(go.read_text().replace("go1.26.4", version))
    with pytest.raises(SandboxError, match=rf"golang is Go 1\.26, and here is 'go version {version} linux/amd64'"):
        golang.layer()


def test_a_proxy_reaches_go_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [name for name in golang.environment() if name.endswith("_PROXY")]
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "go.test")
    environment = golang.environment()
    assert environment["HTTPS_PROXY"] == "http://proxy.test:3128"
    assert environment["NO_PROXY"] == "go.test"
