"""How a program fails, and how what others raise becomes one line."""


class ToolError(Exception):
    """What went wrong, in one line that an operator understands. Never holds a secret."""


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks; its kind where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
