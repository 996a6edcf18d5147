"""`docker:index/remoteImage:RemoteImage`: an image that the engine holds, pulled where it does not yet."""

import threading

import pulumi_docker
from docker.errors import ImageNotFound
from typing_extensions import override

from sandbox.plugins.docker import names
from sandbox.plugins.docker.connection import Api, Connection, Found, MissingError, Progress, messages
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.provider import CheckFailedError, Diff, Failure, Provider, ProviderError, Resource, State, compare
from sandbox.plugins.sdk_types import check_inputs
from sandbox.plugins.values import UNKNOWN, Properties, has_unknown, plain, reveal

_IN_PLACE = frozenset({"forceRemove", "keepLocally"})
_UNSUPPORTED = "the stand-in for docker does not support it; use docker.Image, or PLUGINS=official"


class RemoteImage(Provider):
    """Its id is the image's id followed by its name, as with the official provider."""

    package = "docker"

    def __init__(self, connection: Connection, cancelled: threading.Event, log: EngineLog) -> None:
        self._connection = connection
        self._cancelled = cancelled
        self._log = log

    @override
    def check(self, resource: Resource, olds: Properties | None, news: Properties, seed: bytes) -> Properties:
        failures = check_inputs(pulumi_docker.RemoteImageArgs, news)
        if "build" in news:
            failures.append(Failure("build", _UNSUPPORTED))
        if not failures and not has_unknown(news["name"]):
            try:
                names.parse(str(plain(news["name"])))
            except ValueError as error:
                failures.append(Failure("name", str(error)))
        if failures:
            raise CheckFailedError(failures)
        return news

    @override
    def diff(self, resource: Resource, id: str, old: State, news: Properties) -> Diff:
        changes = compare(_comparable(old.inputs), _comparable(news)).changes
        return Diff(changes, frozenset(changes) - _IN_PLACE)

    @override
    def create(
        self, resource: Resource, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        if preview:
            return "", {**inputs, "imageId": UNKNOWN, "repoDigest": UNKNOWN}
        name = str(plain(inputs["name"]))
        try:
            with self._connection.api() as api:
                found = _inspect(api, name) or self._pull(api, resource, name, inputs)
        except ProviderError as error:
            raise ProviderError(f"pulling {name} failed: {error}") from error
        return f"{found['Id']}{name}", _outputs(found, inputs)

    @override
    def read(self, resource: Resource, id: str, inputs: Properties, outputs: Properties) -> State | None:
        if "name" not in outputs:
            raise ProviderError(f"{resource.type} {resource.name} cannot be imported (nor with the official provider)")
        name = str(plain(outputs["name"]))
        with self._connection.api() as api:
            found = _inspect(api, name)
        if found is None:
            return None
        return State(f"{found['Id']}{name}", inputs, _outputs(found, outputs))

    @override
    def update(self, resource: Resource, old: State, news: Properties, *, preview: bool, timeout: float) -> Properties:
        return {**news, **{name: old.outputs[name] for name in ("imageId", "repoDigest")}}

    @override
    def delete(self, resource: Resource, old: State, *, timeout: float) -> None:
        if reveal(old.outputs.get("keepLocally")) is True:
            return
        try:
            with self._connection.api() as api:
                api.remove_image(str(plain(old.outputs["name"])), force=reveal(old.outputs.get("forceRemove")) is True)
        except MissingError:
            return

    def _pull(self, api: Api, resource: Resource, text: str, inputs: Properties) -> Found:
        name = names.parse(text)
        login = self._connection.registries.get(name.registry or names.HUB)
        stream = api.pull(
            name.repository,
            name.digest or name.tag or "latest",
            auth_config=login.config() if login else None,
            platform=str(plain(inputs["platform"])) if "platform" in inputs else None,
            stream=True,
            decode=True,
        )
        progress = Progress(lambda said: self._log.status(resource.urn, f"pulling {text}: {said}"))
        for message in messages(stream):
            if self._cancelled.is_set():
                raise ProviderError("cancelled")
            progress.tell(message)
        return api.inspect_image(text)


def _comparable(inputs: Properties) -> Properties:
    """Pull triggers are a set."""
    triggers = inputs.get("pullTriggers")
    if triggers is None or has_unknown(triggers):
        return inputs
    items = plain(triggers)
    return {**inputs, "pullTriggers": [*sorted(map(str, items))]} if isinstance(items, list) else inputs


def _inspect(api: Api, name: str) -> Found | None:
    try:
        return api.inspect_image(name)
    except ImageNotFound:
        return None


def _outputs(found: Found, given: Properties) -> Properties:
    repository = names.parse(str(plain(given["name"]))).repository
    known: list[str] = found["RepoDigests"] or []
    digests = [digest for digest in known if digest.startswith(f"{repository}@")]
    return {**given, "imageId": found["Id"], "repoDigest": digests[0] if digests else ""}
