"""Files as chunks: whole functions, sections and paragraphs where they fit.

Made by semantic-text-splitter, which has a program's syntax from tree-sitter's grammars.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import PurePosixPath

import tree_sitter_bash
import tree_sitter_go
import tree_sitter_javascript
import tree_sitter_python
import tree_sitter_rust
import tree_sitter_typescript
import tree_sitter_yaml
from semantic_text_splitter import CodeSplitter, MarkdownSplitter, TextSplitter

CHARACTERS = (800, 1500)
"""A chunk is full from the first on, and never longer than the second: models of 768 dimensions read 512 tokens, and
source text has about three characters a token."""

_LANGUAGES: dict[Callable[[], object], Sequence[str]] = {
    tree_sitter_bash.language: (".sh", ".bash"),
    tree_sitter_go.language: (".go",),
    tree_sitter_javascript.language: (".js", ".cjs", ".mjs", ".jsx"),
    tree_sitter_python.language: (".py", ".pyi"),
    tree_sitter_rust.language: (".rs",),
    tree_sitter_typescript.language_typescript: (".ts", ".cts", ".mts"),
    tree_sitter_typescript.language_tsx: (".tsx",),
    tree_sitter_yaml.language: (".yaml", ".yml"),
}
_BY_ENDING = {ending: language for language, endings in _LANGUAGES.items() for ending in endings}


@dataclass(frozen=True)
class Chunk:
    """A piece of a file."""

    text: str

    @property
    def content_hash(self) -> str:
        """Tells whether it is known: SHA-256, hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


def split(path: str, text: str) -> list[Chunk]:
    """The chunks of a file, in order; of one that holds nothing, none."""
    return [Chunk(piece) for piece in _splitter(PurePosixPath(path).suffix.lower()).chunks(text)]


@cache
def _splitter(ending: str) -> CodeSplitter | MarkdownSplitter | TextSplitter:
    if ending in _BY_ENDING:
        return CodeSplitter(_BY_ENDING[ending](), CHARACTERS)
    return MarkdownSplitter(CHARACTERS) if ending == ".md" else TextSplitter(CHARACTERS)
