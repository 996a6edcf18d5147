"""What an embedding is here."""

from collections.abc import Sequence
from typing import Protocol

DIMENSIONS = 768
"""Of every embedding: the column's type."""

Vector = list[float]
"""`DIMENSIONS` numbers, not all of them 0: the cosine of a zero vector is undefined."""


class Model(Protocol):
    """What makes embeddings."""

    @property
    def name(self) -> str:
        """Kept beside each embedding: those of different models cannot be compared."""
        ...

    @property
    def note(self) -> str:
        """What a reader of its results must know."""
        ...

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """An embedding for each text, in their order.

        Errors:
            HtmError: the model does not answer, or not with embeddings.
        """
        ...
