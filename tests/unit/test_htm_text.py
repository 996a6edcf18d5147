"""How the crawler of the HTM store cuts text, and what stands in for a model there."""

import math

import pytest

from htm.chunks import CHARACTERS, split
from htm.hashing import NAME, FeatureHashing, words
from htm.splitter import Splitter
from htm.vectors import DIMENSIONS, Vector

FUNCTION = '''def close_{name}(namespace: str) -> None:
    """Close a namespace with a policy, so that nothing enters."""
    policy = NetworkPolicy(name="{name}", namespace=namespace)
    policy.apply()
'''
PROGRAM = "\n\n".join(FUNCTION.format(name=f"n{number}") for number in range(20))


def embed(*texts: str) -> list[Vector]:
    return FeatureHashing().embed(texts)


def similarity(one: str, other: str) -> float:
    a, b = embed(one, other)
    return sum(x * y for x, y in zip(a, b, strict=True))


class TestChunks:
    def test_a_program_is_cut_between_its_functions(self) -> None:
        chunks = split("a/program.py", PROGRAM)
        assert len(chunks) > 1
        assert all(chunk.text.startswith("def ") and len(chunk.text) <= CHARACTERS[1] for chunk in chunks)

    def test_nothing_but_white_space_is_lost(self) -> None:
        for path in ("program.py", "notes.md", "other.txt", "no-ending"):
            assert "".join("".join(c.text for c in split(path, PROGRAM)).split()) == "".join(PROGRAM.split()), path

    @pytest.mark.parametrize("path", ["a.py", "a.sh", "a.go", "a.js", "a.rs", "a.ts", "a.tsx", "a.yaml", "a.md", "a"])
    def test_every_language_has_its_parser(self, path: str) -> None:
        assert [chunk.text for chunk in split(path, "a: 1\n")] == ["a: 1"]

    def test_an_empty_file_has_no_chunk(self) -> None:
        assert split("a.py", "") == split("a.txt", "\n \n") == []

    def test_the_hash_is_that_of_the_text_alone(self) -> None:
        one, other = split("a.py", "x = 1"), split("b.py", "x = 1\n\n")
        assert one[0].content_hash == other[0].content_hash
        assert one[0].content_hash != split("a.py", "x = 2")[0].content_hash


class TestSplitter:
    def test_a_usual_file_is_split_by_its_syntax(self) -> None:
        with Splitter() as splitter:
            assert splitter.split("a.py", PROGRAM) == split("a.py", PROGRAM)
            assert splitter.without_syntax == []

    def test_a_file_that_its_parser_does_not_survive_is_split_as_text(self) -> None:
        crashes = ("- " * 500 + "x\n") * 10
        with Splitter() as splitter:
            chunks = splitter.split("deep.yaml", crashes)
            assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(crashes.split())
            assert splitter.without_syntax == ["deep.yaml"]
            assert splitter.split("a.py", PROGRAM) == split("a.py", PROGRAM), "the next one has its syntax again"

    def test_a_file_that_takes_its_parser_too_long_is_split_as_text(self) -> None:
        with Splitter(cpu_s=1) as splitter:
            assert splitter.split("long.py", "1+" * 60000 + "1")
            assert splitter.without_syntax == ["long.py"]


class TestHashing:
    def test_an_identifier_is_split_into_its_words(self) -> None:
        assert words("HTTPServer_v2 namespace_selector closesPolicies") == (
            ["http", "server", "v", "2", "namespace", "selector", "close", "policy"]
        )

    def test_common_words_do_not_count(self) -> None:
        assert words("def the_a(self) -> None: return") == []

    @pytest.mark.parametrize("text", ["a policy", "-----", "", "über", "\n", "{}", PROGRAM])
    def test_a_vector_is_of_unit_length(self, text: str) -> None:
        (vector,) = embed(text)
        assert len(vector) == DIMENSIONS == 768
        assert math.hypot(*vector) == pytest.approx(1)

    def test_it_is_the_same_in_every_process(self) -> None:
        # Python's own hash() would not be: the numbers are those of another run.
        (vector,) = embed("policy")
        assert {number: value for number, value in enumerate(vector) if value} == {525: 1.0}

    def test_similar_code_is_nearer_than_different_code(self) -> None:
        closing = FUNCTION.format(name="tier")
        renamed = closing.replace("tier", "zone").replace("apply", "create")
        other = "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n"
        assert similarity(closing, renamed) > 0.6 > 0.2 > similarity(closing, other)

    def test_a_question_is_nearer_to_its_answer(self) -> None:
        question = "which network policy closes a namespace"
        answers = [FUNCTION.format(name="tier"), "def read(path): return open(path).read()", "replicas: 3"]
        near = [similarity(question, answer) for answer in answers]
        assert near[0] > 0.3 > 0.1 > max(near[1:])

    def test_it_says_that_it_is_a_simulation(self) -> None:
        assert FeatureHashing.name == NAME == "feature-hashing-768"
        assert "simulation" in FeatureHashing.note
