"""Server-side apply, and what its refusals mean."""

from typing import cast

from sandbox.plugins.kubernetes.client import APPLY, JSON_PATCH, Answer, ApiError, Client
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Obj, listed
from sandbox.plugins.provider import ProviderError

PATCH_FORCE = "pulumi.com/patchForce"

_HELP = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
    "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources"
)
# Whose fields are taken over before an update, by the beginning of their names, as the official provider does:
# people at work with kubectl, and that provider itself, which creates objects with plain requests.
_TAKEN = (
    ("Apply", "kubectl"),
    ("Update", "kubectl"),
    ("Update", "before-first-apply"),
    ("Update", "pulumi-kubernetes"),
    ("Update", "pulumi-resource-kubernetes"),
)


def apply(client: Client, kind: Kind, obj: Obj, manager: str, *, force: bool, dry_run: bool = False) -> Answer:
    """Apply an object on the server side.

    Errors:
        ApiError: the server refused it.
        ProviderError: another field manager owns a field with another value, and `force` is not given.
    """
    query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
    if dry_run:
        query["dryRun"] = "All"
    metadata = obj["metadata"]
    path = kind.path(metadata.get("namespace", ""), metadata["name"])
    try:
        return client.call("PATCH", path, obj, query, APPLY)
    except ApiError as error:
        if error.status != 409 or not error.causes:
            raise
        raise ProviderError(
            f"server-side apply field conflict detected, see {_HELP} for troubleshooting help\n"
            f'The resource managed by field manager "{manager}" had an apply conflict: {error}'
        ) from error


def take_over(client: Client, kind: Kind, live: Obj, manager: str) -> None:
    """Make ours what was changed by hand, so that applying sets it right and removes what was added.

    Errors:
        ApiError: the server refused it (409 if the object has changed since it was read).
    """
    entries: list[Obj] = listed(live, "metadata", "managedFields")
    taken = [entry for entry in entries if _is_taken(entry)]
    if not taken:
        return
    ours = next((entry for entry in entries if _is_ours(entry, manager)), None)
    merged = ours or {**taken[0], "manager": manager, "operation": "Apply"}
    for entry in taken:
        merged = {**merged, "fieldsV1": _merged(merged["fieldsV1"], entry["fieldsV1"])}
    rest = [entry for entry in entries if entry is not ours and not _is_taken(entry)]
    metadata = live["metadata"]
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": [*rest, merged]},
    ]
    path = kind.path(metadata.get("namespace", ""), metadata["name"])
    client.call("PATCH", path, patch, {"fieldManager": manager}, JSON_PATCH)


def changed_by_hand(live: Obj) -> bool:
    """Whether `take_over` would take anything."""
    return any(map(_is_taken, listed(live, "metadata", "managedFields")))


def exists_error(kind: Kind, name: str) -> ProviderError:
    """The error for an object that is there already and is not ours."""
    return ProviderError(
        f'{kind.qualified} "{name}" already exists: give a renamed resource an alias, take it in by `pulumi import`, '
        "or let every create take over what it finds with the provider's upsertExistingObjects"
    )


def _is_taken(entry: Obj) -> bool:
    if entry.get("subresource"):
        return False
    return any(entry["operation"] == operation and entry["manager"].startswith(name) for operation, name in _TAKEN)


def _is_ours(entry: Obj, manager: str) -> bool:
    return entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource")


def _merged(fields: Obj, more: Obj) -> Obj:
    """The union of two sets of fields (structured-merge-diff's FieldsV1: nested maps, leaves empty)."""
    return {key: _merged(cast(Obj, fields.get(key, {})), cast(Obj, more.get(key, {}))) for key in fields | more}
