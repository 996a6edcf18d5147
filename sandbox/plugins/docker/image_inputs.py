"""The inputs of `docker:index/image:Image`: defaults, what is wrong with them, and the build they describe."""

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator
from pydantic.alias_generators import to_camel

from sandbox.plugins.docker import context, dockerfile, names
from sandbox.plugins.docker.builder import Build
from sandbox.plugins.provider import CheckFailedError, Failure
from sandbox.plugins.values import UNKNOWN, Properties, Secret, Unknown, Value, has_unknown, plain, reveal

_BUILDERS = {"BuilderV1": False, "BuilderBuildKit": True}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def own_platform() -> str:
    """The platform that images are built for where the program names none."""
    machine = platform.machine()
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"


def with_defaults(build: Properties) -> Properties:
    """The `build` input with the official provider's defaults: this folder, and the Dockerfile in the context."""
    folder = build.get("context", ".")
    file = build.get("dockerfile")
    if file is None:
        file = UNKNOWN if has_unknown(folder) else str(Path(text(folder), "Dockerfile"))
    return {**build, "context": folder, "dockerfile": file}


def build_problems(build: Properties) -> Iterator[Failure]:
    """What is wrong with a build whose defaults are filled in; what is not known yet is left out."""
    builder = reveal(build.get("builderVersion", "BuilderBuildKit"))
    if not isinstance(builder, Unknown) and builder not in _BUILDERS:
        yield Failure("build.builderVersion", f"must be one of {', '.join(_BUILDERS)}, got: {builder}")
    folder = None if has_unknown(build["context"]) else Path(text(build["context"]))
    if folder is not None and not folder.is_dir():
        yield Failure("build.context", f"{str(folder)!r} is not a folder (seen from {Path.cwd()})")
    if has_unknown(build["dockerfile"]):
        return
    file = Path(text(build["dockerfile"]))
    if not file.is_file():
        hint = f"; try {str(folder / file)!r}" if folder is not None and (folder / file).is_file() else ""
        yield Failure("build.dockerfile", f"no file {str(file)!r} (seen from {Path.cwd()}){hint}")
        return
    args = reveal(build.get("args", {}))
    if isinstance(args, dict):
        for gap in dockerfile.gaps(file.read_text("utf-8-sig", "replace"), args.keys()):
            reason = f"line {gap.line} of {file} needs it ({gap.text}), and no ARG before it has a value for it"
            yield Failure(f"build.args.{gap.name}", reason)


def name_problems(inputs: Properties) -> Iterator[Failure]:
    """What is wrong with the image's name: a push needs one that names its registry."""
    if has_unknown(inputs["imageName"]):
        return
    given = text(inputs["imageName"])
    try:
        name = names.parse(given)
    except ValueError as error:
        yield Failure("imageName", str(error))
        return
    if not name.full and reveal(inputs.get("skipPush", False)) is False:
        reason = f"{given!r} must be fully qualified to be pushed, say 'docker.io/repository/image:tag'"
        yield Failure("imageName", reason)


def digest(build: Properties) -> str:
    """The digest over all that a build with known context and Dockerfile sees.

    Errors:
        CheckFailedError: a file cannot be read.
    """
    folder, file = (Path(text(build[key])) for key in ("context", "dockerfile"))
    builder = reveal(build.get("builderVersion"))
    try:
        return context.digest(folder, file, own_ignore_file=_BUILDERS.get(str(builder), True))
    except OSError as error:
        raise CheckFailedError([Failure("build.context", f"cannot be read: {error}")]) from error


def build_of(inputs: Properties) -> Build:
    """The build that known, checked inputs describe."""
    given = _Build.model_validate(plain(inputs["build"]))
    return Build(
        image=text(inputs["imageName"]),
        context=given.context,
        dockerfile=given.dockerfile,
        buildkit=_BUILDERS[given.builder_version],
        args=given.args,
        target=given.target,
        platform=given.platform,
        network=given.network,
        add_hosts=given.add_hosts,
        cache_from=given.cache_from.images,
    )


def planned(inputs: Properties) -> Properties:
    """The outputs in a preview: as with the official provider, all but the name are not known yet."""
    results = ("baseImageName", "context", "dockerfile", "platform", "registryServer", "repoDigest")
    return {"imageName": inputs["imageName"], **dict.fromkeys(results, UNKNOWN)}


def secrets(value: Value, inside: bool = False) -> Iterator[str]:
    """The secret texts in a value, line by line (as they would show up in a log)."""
    match value:
        case Secret():
            yield from secrets(value.value, inside=True)
        case dict():
            for item in value.values():
                yield from secrets(item, inside)
        case list():
            for item in value:
                yield from secrets(item, inside)
        case str() if inside:
            yield from value.splitlines()
        case _:
            return


def text(value: Value) -> str:
    """A known value as text."""
    return str(plain(value))


def _word(value: object) -> object:
    """A build argument as a Dockerfile takes it: text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _CacheFrom(BaseModel, alias_generator=to_camel):
    images: tuple[str, ...] = ()


class _Build(BaseModel, alias_generator=to_camel):
    context: Path
    dockerfile: Path
    builder_version: str = "BuilderBuildKit"
    args: dict[str, Annotated[str, BeforeValidator(_word)]] = {}
    target: str | None = None
    platform: str | None = None
    network: str | None = None
    add_hosts: tuple[str, ...] = ()
    cache_from: _CacheFrom = _CacheFrom()
