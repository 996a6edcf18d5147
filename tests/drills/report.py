"""What a drill found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    drill: str
    good: bool
    figures: str

    def __str__(self) -> str:
        """`ok` or `FAILED`, what, and the figures."""
        return f"{'ok    ' if self.good else 'FAILED'}  {self.drill:34}  {self.figures}"
