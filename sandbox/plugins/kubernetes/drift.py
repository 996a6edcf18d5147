"""What has become of our inputs in the cluster.

A live object never reads like the manifest it came from: the server fills in defaults and spells quantities its own
way. So the server is asked what our manifest would make of the object (a dry run): where that differs from what the
object is, somebody changed it, and there the live value takes the place of the input.
"""

import base64
from typing import Any, cast

from sandbox.plugins.kubernetes.objects import Obj, mapped
from sandbox.plugins.values import Properties, Secret, Value

_STRING_DATA = "stringData"


def inputs_seen(inputs: Properties, live: Obj, reapplied: Obj) -> Properties:
    """The inputs with what others changed.

    Args:
        inputs: as the program last gave them.
        live: the object as it is.
        reapplied: the object as applying the inputs again would leave it.
    """
    seen = cast(Properties, _seen(inputs, live, reapplied))
    if _STRING_DATA in inputs:
        # The server keeps these as base64 under `data` and never shows them again.
        given = inputs[_STRING_DATA]
        seen[_STRING_DATA] = _seen(given, _texts(live), _texts(reapplied))
    return seen


def _seen(given: Value, live: Any, again: Any) -> Value:  # noqa: ANN401 (JSON)
    if live == again:
        return given
    match given:
        case Secret():
            return Secret(_seen(given.value, live, again))
        case dict() if isinstance(live, dict) and isinstance(again, dict):
            return _seen_object(given, cast(Obj, live), cast(Obj, again))
        case list() if isinstance(live, list) and isinstance(again, list):
            lives, agains = cast(list[Any], live), cast(list[Any], again)
            if len(given) == len(lives) == len(agains):
                return [_seen(item, lives[index], agains[index]) for index, item in enumerate(given)]
            return lives
        case _:
            return cast(Value, live)


def _seen_object(given: Properties, live: Obj, again: Obj) -> Properties:
    seen: Properties = {}
    for key, value in given.items():
        if key in live:
            seen[key] = _seen(value, live[key], again.get(key))
        elif key not in again:
            seen[key] = value  # the server never shows it
    return seen


def _texts(secret: Obj) -> dict[str, str]:
    data = mapped(secret, "data")
    return {key: base64.b64decode(text).decode(errors="replace") for key, text in data.items()}
