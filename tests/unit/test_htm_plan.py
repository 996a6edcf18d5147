"""What a crawl does next, and what it refuses to take for an embedding."""

from typing import Any

import pytest

from htm.__main__ import complaints
from htm.chunks import Chunk
from htm.crawl import TOGETHER, groups
from htm.embeddings import vectors
from htm.plan import Row, difference
from htm.store import State
from htm.vectors import DIMENSIONS

A, B, C = Chunk("a"), Chunk("b"), Chunk("c")


def rows(*chunks: Chunk, model: str = "m") -> list[Row]:
    return [Row(number, chunk.content_hash, model) for number, chunk in enumerate(chunks)]


class TestDifference:
    def test_an_empty_store_wants_all(self) -> None:
        plan = difference({}, {"x": [A, B], "y": [C]}, "m")
        assert (plan.write, plan.remove, plan.unchanged) == (["x", "y"], [], 0)

    def test_what_is_stored_is_left_alone(self) -> None:
        plan = difference({"x": rows(A, B)}, {"x": [A, B]}, "m")
        assert (plan.write, plan.remove, plan.unchanged) == ([], [], 2)

    @pytest.mark.parametrize(
        "stored",
        [rows(A), rows(A, B, C), rows(B, A), rows(A, C), rows(A, B)[1:], rows(A, B, model="other"), []],
        ids=["shorter", "longer", "order", "text", "gap", "model", "nothing"],
    )
    def test_a_file_that_differs_is_written_anew(self, stored: list[Row]) -> None:
        plan = difference({"x": stored, "y": rows(C)}, {"x": [A, B], "y": [C]}, "m")
        assert (plan.write, plan.remove, plan.unchanged) == (["x"], [], 1)

    def test_a_file_that_is_gone_is_removed(self) -> None:
        plan = difference({"x": rows(A), "y": rows(B)}, {"y": [B]}, "m")
        assert (plan.write, plan.remove, plan.unchanged) == ([], ["x"], 1)

    def test_a_file_that_holds_nothing_any_more_loses_its_rows(self) -> None:
        plan = difference({"x": rows(A), "z": rows(A)}, {"x": [], "y": [], "z": [A]}, "m")
        assert (plan.write, plan.remove) == (["x"], [])

    def test_groups_are_of_whole_files(self) -> None:
        files = {"a": [A] * (TOGETHER - 1), "b": [B] * 3, "c": [C]}
        assert [list(group) for group in groups(files)] == [["a", "b"], ["c"]]
        assert list(groups({})) == []


class TestAnswers:
    def answer(self, *embeddings: object) -> dict[str, Any]:
        return {"data": [{"index": index, "embedding": embedding} for index, embedding in enumerate(embeddings)]}

    def test_they_are_put_in_order(self) -> None:
        first, second = [1.0] * DIMENSIONS, [2.0] * DIMENSIONS
        answer = self.answer(first, second)
        answer["data"].reverse()
        assert vectors(answer, 2) == [first, second]

    @pytest.mark.parametrize("answer", [None, [], {}, {"data": None}, {"data": [1]}, {"error": "no"}])
    def test_another_document_is_refused(self, answer: object) -> None:
        with pytest.raises(ValueError, match="does not hold an embedding for each of 1 texts"):
            vectors(answer, 1)

    @pytest.mark.parametrize("embedding", ["abc", None, [None] * DIMENSIONS, ["x"] * DIMENSIONS])
    def test_what_is_no_numbers_is_refused(self, embedding: object) -> None:
        with pytest.raises(ValueError, match="does not hold an embedding"):
            vectors(self.answer(embedding), 1)

    @pytest.mark.parametrize("length", [0, 1, DIMENSIONS - 1, DIMENSIONS + 1, 1536])
    def test_other_dimensions_are_refused(self, length: int) -> None:
        with pytest.raises(ValueError, match=f"embeddings of {length} dimensions, the store holds 768"):
            vectors(self.answer([1.0] * length), 1)

    @pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
    def test_what_is_no_direction_is_refused(self, value: float) -> None:
        with pytest.raises(ValueError, match="no direction"):
            vectors(self.answer([value] * DIMENSIONS), 1)

    @pytest.mark.parametrize("count", [1, 3])
    def test_another_number_of_them_is_refused(self, count: int) -> None:
        with pytest.raises(ValueError, match="texts"):
            vectors(self.answer([1.0] * DIMENSIONS, [1.0] * DIMENSIONS), count)


class TestInvariant:
    def state(self, other: dict[str, Any]) -> State:
        sound: dict[str, Any] = {
            "rows": 2,
            "files": 1,
            "models": ["m"],
            "misshapen": 0,
            "index_valid": True,
            "index_answers": True,
        }
        return State(**{**sound, **other})

    def test_a_sound_store_has_no_complaint(self) -> None:
        assert complaints(self.state({})) == []

    @pytest.mark.parametrize(
        ("broken", "says"),
        [
            ({"rows": 0, "models": [], "index_answers": False}, "no chunk"),
            ({"misshapen": 1}, "1 embeddings have not 768 dimensions"),
            ({"models": ["a", "b"]}, "several models: a, b"),
            ({"index_valid": False}, "missing or invalid"),
            ({"index_answers": False}, "does not find"),
        ],
    )
    def test_each_part_is_looked_at(self, broken: dict[str, Any], says: str) -> None:
        (complaint,) = complaints(self.state(broken))
        assert says in complaint
