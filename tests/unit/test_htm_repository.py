"""What of a folder the crawler reads: text that people wrote, and nothing from outside of it."""

from pathlib import Path

import pytest

from htm import repository
from htm.errors import HtmError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    return root


def put(root: Path, path: str, content: str | bytes = "text") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_it_reads_text_in_the_order_of_its_paths(root: Path) -> None:
    put(root, "b.py", "b")
    put(root, "a/c.py", "ç")
    put(root, ".github/workflow.yaml", "on: push")
    assert list(repository.read(root).texts.items()) == [
        (".github/workflow.yaml", "on: push"),
        ("a/c.py", "ç"),
        ("b.py", "b"),
    ]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.bin", b"a\0b"),
        ("a.txt", b"\xff\xfe"),
        ("a.json", "x" * (repository.FILE_BYTES + 1)),
        ("package-lock.json", "{}"),
        ("uv.lock", ""),
        ("a.min.js", ""),
        ("new\nline.txt", ""),
        (b"\xff.txt".decode(errors="surrogateescape"), ""),
    ],
    ids=["nul", "encoding", "long", "npm", "lock", "min", "newline", "name"],
)
def test_what_is_no_text_of_people_is_skipped_and_counted(root: Path, path: str, content: str | bytes) -> None:
    put(root, "a.py")
    put(root, path, content)
    contents = repository.read(root)
    assert list(contents.texts) == ["a.py"]
    assert contents.skipped == 1


def test_the_longest_file_is_read_whole(root: Path) -> None:
    put(root, "a.txt", "x" * repository.FILE_BYTES)
    assert len(repository.read(root).texts["a.txt"]) == repository.FILE_BYTES


@pytest.mark.parametrize("folder", sorted(repository.SKIPPED_FOLDERS))
def test_what_others_wrote_is_left_out(root: Path, folder: str) -> None:
    put(root, "a.py")
    put(root, f"b/{folder}/c.py")
    assert list(repository.read(root).texts) == ["a.py"]


def test_a_config_map_is_read_through_its_links(root: Path) -> None:
    # As the kubelet lays it out, in the middle of a change to another version.
    put(root, "..2026_11_25/components/tiers.py", "new")
    put(root, "..2026_11_25/__main__.py", "main")
    put(root, "..2026_11_24/components/tiers.py", "old")
    (root / "..data").symlink_to("..2026_11_25")
    (root / "components").symlink_to("..data/components")
    (root / "__main__.py").symlink_to("..data/__main__.py")
    assert repository.read(root).texts == {"__main__.py": "main", "components/tiers.py": "new"}


def test_links_lead_nowhere_else_and_in_no_circle(root: Path) -> None:
    put(root, "a/a.py")
    put(root.parent, "outside/secret.txt", "secret")
    (root / "a/around").symlink_to("..")
    (root / "out").symlink_to(root.parent / "outside")
    (root / "out.txt").symlink_to("../outside/secret.txt")
    (root / "gone.txt").symlink_to("nowhere")
    assert list(repository.read(root).texts) == ["a/a.py"]


def test_a_folder_without_text_is_refused(root: Path) -> None:
    with pytest.raises(HtmError, match="holds no text: nothing was changed"):
        repository.read(root)


def test_a_folder_that_is_none_is_refused(root: Path) -> None:
    with pytest.raises(HtmError, match="is no folder"):
        repository.read(put(root, "file"))


def test_too_much_text_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "TEXT_BYTES", 10)
    put(root, "a", "x" * 10)
    assert repository.read(root).texts
    put(root, "b", "x")
    with pytest.raises(HtmError, match="more than"):
        repository.read(root)
