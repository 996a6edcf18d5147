"""Feature hashing: what stands in for an embedding model where no weights can be had.

Two texts are near if they share words and pairs of words; what they mean is not seen. Nothing is learned: a text has
the same vector in every run, on every machine.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise

from htm.vectors import DIMENSIONS, Vector

NAME = f"feature-hashing-{DIMENSIONS}"

PAIR_WEIGHT = 0.5
"""Of two neighbouring words, against 1 for a word."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
"""Parts of identifiers: `HTTPServer_v2` is http, server, v, 2."""

_COMMON = frozenset(
    _WORD.findall("""
    a an and any are as assert at await be by but can class def do does else false for from has have if import in is it
    its no none nor not of on one only or pass raise return returns self so str than that the their them then these they
    this to true was were what when where which while who will with without yield
    """)
)
"""Words of every text and every program: what is near by them alone is near to everything."""


class FeatureHashing:
    """A simulation of an embedding model, by its name."""

    name = NAME
    note = (
        f"no embedding model is set (EMBEDDINGS_URL): {NAME} stands in for one, a simulation that compares words, "
        "not meanings"
    )

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """A vector of unit length for each text."""
        return [_embedded(text) for text in texts]


def words(text: str) -> list[str]:
    """The words of a text, in order: identifiers split at camelCase and snake_case, lower case, no common ones."""
    found = (match.lower() for match in _WORD.findall(text))
    return [_singular(word) for word in found if word not in _COMMON]


def _embedded(text: str) -> Vector:
    # What has no word, as a line of dashes, is told apart by its characters.
    vector = [0.0] * DIMENSIONS
    for feature, weight in _features(words(text) or list(text)):
        drawn = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest())
        # The sign is drawn too: features that meet in one place then cancel out on average, instead of adding up.
        vector[(drawn >> 1) % DIMENSIONS] += weight if drawn & 1 else -weight
    length = math.hypot(*vector)
    if not length:  # no feature, or they cancelled out altogether
        return [1.0] + [0.0] * (DIMENSIONS - 1)
    return [value / length for value in vector]


def _features(found: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Feature -> its weight: the tenth time that a word occurs says less than the first."""
    for word, times in Counter(found).items():
        yield word, 1 + math.log(times)
    for pair, times in Counter(pairwise(found)).items():
        yield " ".join(pair), PAIR_WEIGHT * (1 + math.log(times))


def _singular(word: str) -> str:
    """`policies` and `closes` as `policy` and `close`: crude, and the same for every text."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
