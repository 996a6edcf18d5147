"""The platform's own source as files of a ConfigMap."""

import re
from pathlib import Path

import pytest

from components.base import DeclarationError
from components.data.htm.source import FOLDERS, MOST_BYTES, platform_source

ROOT = Path(__file__).parents[2]


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_the_whole_of_this_program_fits_with_room_to_grow() -> None:
    source = platform_source(ROOT)
    assert sum(len(text.encode()) for text in source.files.values()) < 0.8 * MOST_BYTES
    assert set(source.paths.values()) == {
        path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
    }


def test_keys_are_such_as_kubernetes_takes_and_paths_lead_back() -> None:
    source = platform_source(ROOT)
    assert source.files.keys() == source.paths.keys()
    assert all(re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) and not key.startswith("..") for key in source.files)
    (key,) = (key for key, path in source.paths.items() if path == "components/tiers.py")
    assert source.files[key] == (ROOT / "components/tiers.py").read_text()


def test_the_order_is_that_of_the_paths(tmp_path: Path) -> None:
    for path in ("b/z.py", "b/a/a.py", "b/a.py", "a/__init__.py", "a/notes.md"):
        put(tmp_path, path, path)
    source = platform_source(tmp_path, ["b", "a"])
    assert list(source.paths.values()) == ["a/__init__.py", "b/a.py", "b/a/a.py", "b/z.py"]
    assert list(source.files.values()) == list(source.paths.values())


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (["a/x y.py"], "'a/x y.py' makes no key of its own"),
        (["a/b..c.py", "a/b/c.py"], "makes no key of its own"),
        (["b/x.py"], "no \\*.py in 'a'"),
    ],
    ids=["letters", "twins", "empty"],
)
def test_what_makes_no_config_map_is_refused(tmp_path: Path, paths: list[str], says: str) -> None:
    for path in paths:
        put(tmp_path, path, "")
    with pytest.raises(DeclarationError, match=says):
        platform_source(tmp_path, ["a"])


def test_too_much_source_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a/a.py", "ä" * 512)
    put(tmp_path, "a/b.py", "b" * 1024)
    assert platform_source(tmp_path, ["a"], most_bytes=2048).files
    with pytest.raises(DeclarationError, match="2 KiB, a ConfigMap takes 1"):
        platform_source(tmp_path, ["a"], most_bytes=2047)
