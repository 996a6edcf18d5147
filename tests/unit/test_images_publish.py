"""The way from the catalogue to the lock: what is refused, and that the lock names only what is served."""

import sys
from pathlib import Path

import pytest

from catalog import images as catalogue
from sandbox import images
from sandbox.errors import SandboxError
from sandbox.images.oci import Image

SERVED = Image(name="docker.io/library/it", tag="1", digest="sha256:" + "1" * 64)


def enter(script: str) -> list[str]:
    """A prefix that runs `script` in place of what it is put in front of."""
    return [sys.executable, "-c", script]


def test_an_image_without_recipe_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalogue.load().images["debian"]
    monkeypatch.setattr(catalogue, "load", lambda: catalogue.Table(images={"debian": entry, "grafana": entry}))
    with pytest.raises(SandboxError, match=r"catalog/images\.yaml names grafana, which"):
        images.make()


def test_a_wrong_catalogue_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = tmp_path / "images.yaml"
    wrong.write_text("images: {}\n")
    table = catalogue.load
    monkeypatch.setattr(catalogue, "load", lambda: table(wrong))
    with pytest.raises(SandboxError, match=r"images\.yaml: images: Dictionary should have at least 1 item"):
        images.make()


def test_the_lock_names_what_was_pushed(tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    images.publish([SERVED], enter("pass"), "127.0.0.1:1", lock)
    assert catalogue.read_lock(lock) == {"docker.io/library/it:1": SERVED.digest}


def test_what_cannot_be_pushed_is_not_locked(tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    refuse = enter("import sys; sys.exit('registry 127.0.0.1:1: refused')")
    with pytest.raises(SandboxError, match=r"pushing docker\.io/library/it failed: registry 127\.0\.0\.1:1: refused"):
        images.publish([SERVED], refuse, "127.0.0.1:1", lock)
    assert not lock.exists()
