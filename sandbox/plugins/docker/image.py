"""`docker:index/image:Image`: an image that is built from a context and pushed to a registry."""

import os
import threading

import pulumi_docker
from typing_extensions import override

from sandbox.plugins.docker import image_inputs, names
from sandbox.plugins.docker.builder import Builder
from sandbox.plugins.docker.connection import Connection, Credentials, Progress, messages
from sandbox.plugins.docker.image_inputs import text
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.provider import CheckFailedError, Diff, Provider, ProviderError, Resource, State, compare
from sandbox.plugins.sdk_types import check_inputs
from sandbox.plugins.values import Properties, Secret, has_unknown, reveal

_LOGIN_PATHS = frozenset({"registry.username", "registry.password"})


class Image(Provider):
    """Builds on create and on every change but one of the registry's login; deletes nothing, as the official one."""

    package = "docker"

    def __init__(self, connection: Connection, cancelled: threading.Event, builder: Builder, log: EngineLog) -> None:
        self._connection = connection
        self._cancelled = cancelled
        self._builder = builder
        self._log = log

    @override
    def check(self, resource: Resource, olds: Properties | None, news: Properties, seed: bytes) -> Properties:
        failures = check_inputs(pulumi_docker.ImageArgs, news)
        if failures:
            raise CheckFailedError(failures)
        checked: Properties = {"buildOnPreview": False, **news}
        build = reveal(news.get("build", {}))
        if isinstance(build, dict):
            filled = image_inputs.with_defaults(build)
            failures += image_inputs.build_problems(filled)
            if "platform" not in filled:
                filled["platform"] = image_inputs.own_platform()
                self._log.info(resource.urn, f"building for {filled['platform']}; set build.platform to choose")
            if not failures and not has_unknown([filled["context"], filled["dockerfile"]]):
                filled["contextDigest"] = image_inputs.digest(filled)
            checked["build"] = Secret(filled) if isinstance(news.get("build"), Secret) else filled
        registry = news.get("registry")
        if isinstance(registry, dict) and "password" in registry:
            checked["registry"] = {**registry, "password": Secret(reveal(registry["password"]))}
        failures += image_inputs.name_problems(news)
        if failures:
            raise CheckFailedError(failures)
        return checked

    @override
    def diff(self, resource: Resource, id: str, old: State, news: Properties) -> Diff:
        changes = compare(old.inputs, news).changes
        return Diff({path: kind for path, kind in changes.items() if path not in _LOGIN_PATHS})

    @override
    def create(
        self, resource: Resource, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        if preview and not self._can_build_now(resource, inputs):
            return "", image_inputs.planned(inputs)
        return text(inputs["imageName"]), self._make(resource, inputs, preview, timeout)

    @override
    def read(self, resource: Resource, id: str, inputs: Properties, outputs: Properties) -> State | None:
        """What the state says: as with the official provider, neither engine nor registry is asked."""
        return State(id, inputs, outputs)

    @override
    def update(self, resource: Resource, old: State, news: Properties, *, preview: bool, timeout: float) -> Properties:
        if preview and not self._can_build_now(resource, news):
            return image_inputs.planned(news)
        return self._make(resource, news, preview, timeout)

    @override
    def delete(self, resource: Resource, old: State, *, timeout: float) -> None:
        """Nothing: the image stays in the registry and on the engine, as with the official provider."""

    def _can_build_now(self, resource: Resource, inputs: Properties) -> bool:
        wanted = reveal(inputs.get("buildOnPreview"))
        if wanted is False:
            return False
        build = reveal(inputs["build"])
        parts = [build.get(part) for part in ("context", "dockerfile", "args")] if isinstance(build, dict) else [build]
        if has_unknown([wanted, inputs["imageName"], *parts]):
            why = "buildOnPreview, the image's name or its build is not known yet"
            self._log.warning(resource.urn, f"not built in this preview: {why}")
            return False
        return True

    def _make(self, resource: Resource, inputs: Properties, preview: bool, timeout: float) -> Properties:
        build = image_inputs.build_of(inputs)

        def say(line: str) -> None:
            self._log.status(resource.urn, line)

        self._builder.run(build, say, frozenset(image_inputs.secrets(inputs)), timeout)
        local = preview or reveal(inputs.get("skipPush")) is True
        digest = self._local_digest(build.image) if local else self._push(resource, build.image, inputs)
        registry = reveal(inputs.get("registry"))
        return {
            "baseImageName": build.image,
            "context": str(build.context),
            "dockerfile": os.path.relpath(build.dockerfile, build.context),
            "imageName": build.image,
            "platform": build.platform,
            "registryServer": registry.get("server", "") if isinstance(registry, dict) else "",
            "repoDigest": digest,
        }

    def _local_digest(self, image: str) -> str:
        with self._connection.api() as api:
            return str(api.inspect_image(image)["Id"])

    def _push(self, resource: Resource, image: str, inputs: Properties) -> str:
        name = names.parse(image)
        digest = None
        try:
            with self._connection.api() as api:
                login = self._login(resource, name, inputs)
                auth = login.config() if login else None
                stream = api.push(name.repository, name.tag or "latest", auth_config=auth, stream=True, decode=True)
                progress = Progress(lambda said: self._log.status(resource.urn, f"pushing {name.repository}: {said}"))
                for message in messages(stream):
                    if self._cancelled.is_set():
                        raise ProviderError("cancelled")
                    digest = message.get("aux", {}).get("Digest", digest)
                    progress.tell(message)
        except ProviderError as error:
            raise ProviderError(f"pushing {image} failed: {error}") from error
        if digest is None:
            raise ProviderError(f"pushing {image} failed: the engine reports no digest")
        return f"{name.repository}@{digest}"

    def _login(self, resource: Resource, name: names.Name, inputs: Properties) -> Credentials | None:
        """The login that the program gives; None leaves it to the Docker configuration of this machine."""
        registry = reveal(inputs.get("registry"))
        given = registry if isinstance(registry, dict) else {}
        server, username, password = (text(given.get(key, "")) for key in ("server", "username", "password"))
        if username and password:
            return Credentials(server or name.registry or names.HUB, username, password)
        if username or password:
            why = "registry has only one of username and password"
            self._log.warning(resource.urn, f"{why}: using this machine's login")
        return None
