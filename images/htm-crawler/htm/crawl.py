"""A crawl: the store becomes what the repository is."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from htm.chunks import Chunk
from htm.plan import difference
from htm.repository import Contents
from htm.splitter import Splitter
from htm.store import Store
from htm.vectors import Model, Vector

TOGETHER = 64
"""Chunks that are embedded, and stored, in one go: what an interrupted run has to do again at most, but for a file that
has more of its own."""
PROGRESS_S = 5
"""Seconds between two lines of progress."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a crawl did, in chunks and files."""

    embedded: int
    known: int
    """Chunks that moved, or are like others: their embeddings were there."""
    unchanged: int
    written_files: int
    removed_files: int


def crawl(store: Store, contents: Contents, model: Model, say: Callable[[str], None]) -> Done:
    """Embed what is new, store it, and remove what is gone.

    Each step is a transaction: whenever a run ends, the next one goes on from there.

    Args:
        store: where.
        contents: of the repository.
        model: what makes embeddings; what another one made is embedded again.
        say: takes lines of progress.

    Errors:
        HtmError: the model does not answer as it should.
    """
    with Splitter() as splitter:
        wanted = {path: splitter.split(path, text) for path, text in contents.texts.items()}
    if splitter.without_syntax:
        say(f"too much for their parsers, split as plain text: {', '.join(splitter.without_syntax)}")
    store.prepare()
    plan = difference(store.rows(), wanted, model.name)
    changed = {path: wanted[path] for path in plan.write}
    total, stored, embedded, spoken = sum(map(len, changed.values())), 0, 0, time.monotonic()
    for files in groups(changed):
        vectors, fresh = _vectors(store, model, files)
        store.write(files, vectors, model.name)
        embedded += fresh
        stored += sum(map(len, files.values()))
        if time.monotonic() - spoken > PROGRESS_S:
            say(f"{stored} of {total} chunks stored")
            spoken = time.monotonic()
    if plan.remove:
        store.remove(plan.remove)
    return Done(
        embedded=embedded,
        known=total - embedded,
        unchanged=plan.unchanged,
        written_files=len(plan.write),
        removed_files=len(plan.remove),
    )


def groups(files: Mapping[str, Sequence[Chunk]]) -> Iterator[dict[str, Sequence[Chunk]]]:
    """Whole files, about `TOGETHER` chunks at a time."""
    group: dict[str, Sequence[Chunk]] = {}
    for path, chunks in files.items():
        group[path] = chunks
        if sum(map(len, group.values())) >= TOGETHER:
            yield group
            group = {}
    if group:
        yield group


def _vectors(store: Store, model: Model, files: Mapping[str, Sequence[Chunk]]) -> tuple[dict[str, Vector], int]:
    """Content hash -> embedding, for all chunks of some files, and how many of them had to be made."""
    texts = {chunk.content_hash: chunk.text for chunks in files.values() for chunk in chunks}
    known = store.known(list(texts), model.name)
    new = [content_hash for content_hash in texts if content_hash not in known]
    made = model.embed([texts[content_hash] for content_hash in new])
    return {**known, **dict(zip(new, made, strict=True))}, len(new)
