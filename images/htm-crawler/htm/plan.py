"""What a crawl has to do: the difference between what is stored and what is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from htm.chunks import Chunk


class Row(NamedTuple):
    """A stored chunk, without its text."""

    chunk: int
    content_hash: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Paths in order."""

    write: Sequence[str]
    """Files whose rows are not what they should be: all of their rows are written anew."""
    remove: Sequence[str]
    """Files that are gone."""
    unchanged: int
    """Chunks that stay as they are."""


def difference(stored: Mapping[str, Sequence[Row]], wanted: Mapping[str, Sequence[Chunk]], model: str) -> Plan:
    """Compare a store with a repository.

    Args:
        stored: path -> its rows, sorted by chunk.
        wanted: path -> its chunks.
        model: what their embeddings shall be made by: rows of another are written anew.
    """
    rows = {
        path: [Row(number, chunk.content_hash, model) for number, chunk in enumerate(chunks)]
        for path, chunks in wanted.items()
    }
    same = {path for path, mine in rows.items() if list(stored.get(path, ())) == mine}
    return Plan(
        write=[path for path in rows if path not in same],
        remove=sorted(stored.keys() - rows.keys()),
        unchanged=sum(len(rows[path]) for path in same),
    )
