"""Which engine is taken: the installed one where it is complete and new enough, else our build of the pinned one."""

import re
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.engine import engine, release
from sandbox.errors import SandboxError

GO = """#!/bin/sh
case "$1 $2" in
    "version ") echo "go version go1.26.0 test/test" ;;
    "build -C") while [ "$1" != -o ]; do echo "$1" >> "{log}"; shift; done; touch "$2/pulumi"; chmod +x "$2/pulumi" ;;
    "mod download") cat "{answer}"; exit {code} ;;
esac
"""


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on PATH beside the system's own, and a cache that is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(paths, "BUILD_LOGS", tmp_path / "cache" / "logs")
    return folder


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _distribution(folder: Path, version: str, *, host: bool = True) -> None:
    _script(folder / "pulumi", f"#!/bin/sh\necho {version}\n")
    if host:
        _script(folder / "pulumi-language-python", "#!/bin/sh\n")
        (folder / "pulumi-language-python-exec").touch()


def _go(folder: Path, tmp_path: Path, *, refused: str = "") -> Path:
    """A Go that builds at once, and a module cache with the SDK's runner; the log of what it was asked to build."""
    module = tmp_path / "module"
    (module / "python" / "cmd").mkdir(parents=True)
    (module / "python" / "cmd" / engine.RUNNER).touch()
    answer, log = tmp_path / "answer.json", tmp_path / "go.log"
    answer.write_text(f'{{"Error": "{refused}"}}' if refused else f'{{"Dir": "{module}"}}')
    _script(folder / "go", GO.format(log=log, answer=answer, code=1 if refused else 0))
    return log


def test_the_pinned_release_is_that_of_the_whole_engine() -> None:
    required = re.findall(r"github.com/pulumi/pulumi/(?:pkg|sdk)/v3 v(\S+)", (release.MODULE / "go.mod").read_text())
    assert {release.pinned()} == set(required)


@pytest.mark.parametrize("version", ["v3.259.0", "v3.260.0", "v3.1000.0", "v4.0.0", "3.259.0"])
def test_a_distribution_that_is_new_enough_is_used_with_its_own_host(bin_folder: Path, version: str) -> None:
    _distribution(bin_folder, version)
    found = engine.find_or_build()

    assert found == engine.Engine(
        bin_folder / "pulumi", bin_folder / engine.RUNNER, version.removeprefix("v"), official=True
    )
    assert found.bin_folders == [bin_folder]


def test_a_linked_distribution_keeps_its_host(bin_folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "opt"
    home.mkdir()
    _distribution(home, "v3.300.0")
    (bin_folder / "pulumi").symlink_to(home / "pulumi")
    found = engine.find_or_build()

    assert found.official
    assert found.runner == home / engine.RUNNER


@pytest.mark.parametrize(
    ("version", "host", "why"),
    [
        ("v3.258.9", True, "is 3.258.9, older than"),
        ("v3.300.0", False, "comes without pulumi-language-python"),
        ("error", True, "is no working engine"),
    ],
)
def test_any_other_pulumi_is_passed_over_and_the_pinned_one_built(
    bin_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str, host: bool, why: str
) -> None:
    _distribution(bin_folder, version, host=host)
    _go(bin_folder, tmp_path)
    found = engine.find_or_build()

    assert why in capsys.readouterr().err
    assert not found.official
    assert found.pulumi.is_relative_to(paths.CACHE)


def test_the_built_engine_knows_its_version_and_has_the_runner_beside_it(bin_folder: Path, tmp_path: Path) -> None:
    log = _go(bin_folder, tmp_path)
    found = engine.find_or_build()

    assert found.version == release.pinned()
    assert f"-X {release.SDK}/go/common/version.Version=v{release.pinned()}" in log.read_text()
    assert found.runner == found.pulumi.with_name(engine.RUNNER)
    assert found.runner.is_file()
    assert found.bin_folders == [found.pulumi.parent, engine.OUR_HOST]


def test_our_own_build_on_the_path_is_not_taken_for_a_distribution(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = _go(bin_folder, tmp_path)
    first = engine.find_or_build()
    monkeypatch.setenv("PATH", f"{first.pulumi.parent}:{bin_folder}:/usr/bin:/bin")
    built = log.read_text()

    assert engine.find_or_build() == first
    assert log.read_text() == built  # and nothing is built twice


def test_a_runner_lost_with_the_module_cache_is_linked_again(bin_folder: Path, tmp_path: Path) -> None:
    _go(bin_folder, tmp_path)
    first = engine.find_or_build()
    moved = tmp_path / "module"
    moved.rename(tmp_path / "elsewhere")
    (tmp_path / "answer.json").write_text(f'{{"Dir": "{tmp_path / "elsewhere"}"}}')

    assert not first.runner.is_file()
    assert engine.find_or_build().runner.is_file()


def test_a_refusing_registry_is_one_line(bin_folder: Path, tmp_path: Path) -> None:
    _go(bin_folder, tmp_path, refused="sdk/v3@v3.259.0: 403 Forbidden")
    with pytest.raises(SandboxError, match=r"registry refuses .*: sdk/v3@v3\.259\.0: 403 Forbidden") as caught:
        engine.find_or_build()
    assert "\n" not in str(caught.value)


def test_no_go_is_one_line(bin_folder: Path) -> None:
    with pytest.raises(SandboxError, match="no usable Go"):
        engine.find_or_build()
