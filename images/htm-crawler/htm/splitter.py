"""Splitting in a process of its own: where a parser crashes, or never ends, a file loses its syntax and nothing more.

tree-sitter's grammars are written in C, and there are files that they do not survive: a list of YAML 500 levels deep
is enough. The process takes lines of JSON, [path, text], and answers each with the list of its chunks.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from semantic_text_splitter import TextSplitter

from htm.chunks import CHARACTERS, Chunk, split

CPU_S = 10
"""Seconds of processor time for one file, which usually takes a hundredth of one. It is no time of the clock, so that a
busy machine makes the same chunks."""


class Splitter:
    """Splits files, one after the other.

    Args:
        cpu_s: Seconds of processor time for one file.
    """

    def __init__(self, cpu_s: int = CPU_S) -> None:
        self._cpu_s = cpu_s
        self.without_syntax: list[str] = []
        """Paths of the files that were too much for their parser."""
        self._worker: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def split(self, path: str, text: str) -> Sequence[Chunk]:
        """The chunks of a file, by its syntax if its parser bears it."""
        if (pieces := self._asked(path, text)) is None:
            self._end()
            self.without_syntax.append(path)
            pieces = TextSplitter(CHARACTERS).chunks(text)
        return [Chunk(piece) for piece in pieces]

    def _asked(self, path: str, text: str) -> list[str] | None:
        """The worker's answer; None if it died of the question."""
        self._worker = self._worker or subprocess.Popen(
            [sys.executable, "-m", "htm.splitter", str(self._cpu_s)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # last words of a parser
            text=True,
        )
        if self._worker.stdin is None or self._worker.stdout is None:
            raise AssertionError("both are pipes")
        self._worker.stdin.write(f"{json.dumps([path, text])}\n")
        self._worker.stdin.flush()
        answer = self._worker.stdout.readline()
        return json.loads(answer) if answer else None

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()
            self._worker = None


def _work(cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    for line in sys.stdin:
        path, text = json.loads(line)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + cpu_s, most))
        print(json.dumps([chunk.text for chunk in split(path, text)]), flush=True)


if __name__ == "__main__":
    _work(int(sys.argv[1]))
