"""What rules read: plain data, in which an unknown value is `UNKNOWN` and nothing raises."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, NoReturn, cast

from pulumi_policy.proxy import UnknownValueError


class Unknown(Enum):
    """The type of `UNKNOWN`."""

    UNKNOWN = "unknown"

    def __bool__(self) -> NoReturn:
        raise TypeError("an unknown value is neither true nor false: ask `is UNKNOWN`")


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that the preview does not know yet."""


def plain(value: object) -> Any:  # noqa: ANN401 (any JSON)
    """A resource's properties as dicts, lists, str, int, float, bool, None and `UNKNOWN`.

    The SDK's proxies raise when an unknown value is read, and the SDK then reports the policy as one that could not
    run, which is advisory. So each unknown is caught here, once, before a rule reads.
    Secrets arrive as their bare values: the SDK unwraps them for validation, and no rule can tell them.
    """
    if isinstance(value, Mapping):
        known = cast("Mapping[Any, object]", value)
        return {key: _item(known, key) for key in known}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = cast("Sequence[object]", value)
        return [_item(items, index) for index in range(len(items))]
    return value


def _item(container: Mapping[Any, object] | Sequence[object], key: Any) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN
