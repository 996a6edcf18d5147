"""What the components cost: a preview of the stack against one of a bare program that registers the same resources.

Both preview a stack that does not exist yet, in backends of their own, in turns; images are Outputs in both.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox import paths, pulumi_stack
from stacks.settings import Settings
from tests.program import DIGEST, record
from tests.sandbox.platform import Platform
from tests.stack_settings import build

PROGRAM = f"""
import json
from typing import Any

import pulumi
import pulumi_docker as docker

made: dict[str, pulumi.Resource] = {{}}
digests: dict[str, pulumi.Output[str]] = {{}}


def known(value: Any) -> Any:
    if isinstance(value, str) and value.endswith("{DIGEST}"):
        return digests[value]
    if isinstance(value, dict):
        return {{key: known(item) for key, item in value.items()}}
    return [known(item) for item in value] if isinstance(value, list) else value


for type, name, parent, inputs, depends_on in json.load(open("resources.json")):
    opts = pulumi.ResourceOptions(parent=made.get(parent), depends_on=[made[d] for d in depends_on if d in made])
    if type.startswith("code:"):
        made[f"component {{name}}"] = made[name] = pulumi.ComponentResource(type, name, {{}}, opts)
    elif type == "docker:index/image:Image":
        image = docker.Image(name, image_name=inputs["imageName"], build=inputs["build"], opts=opts)
        digests[inputs["imageName"].rsplit(":", 1)[0] + "@{DIGEST}"] = image.repo_digest
        made[name] = image
    else:
        version = {{"kubernetes": "4.34.2"}}[type.split(":")[0]]
        made[name] = pulumi.CustomResource(
            type, name, known(inputs), pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=version))
        )
"""


def ratios(platform: Platform, runs: int) -> list[float]:
    """The stack's preview divided by the bare program's.

    Args:
        platform: the sandbox, with the stack's working copy.
        runs: how often each is previewed, after one that is not counted.
    """
    with tempfile.TemporaryDirectory(prefix="code-bench-") as scratch:
        real = _project(Path(scratch) / "real", platform)
        for name in ("__main__.py", "stacks", "components", "catalog", "images", "vendor"):
            (real.folder / name).symlink_to(paths.CHECKOUT / name)
        bare = _project(Path(scratch) / "bare", platform)
        (bare.folder / "images").symlink_to(paths.CHECKOUT / "images")
        (bare.folder / "__main__.py").write_text(PROGRAM)
        (bare.folder / "resources.json").write_text(json.dumps(_resources()))
        return [_preview(real) / _preview(bare) for _ in range(runs + 1)][1:]


@dataclass(frozen=True)
class _Project:
    folder: Path
    environment: Mapping[str, str]


def _resources() -> list[tuple[Any, ...]]:
    """All that the stack registers, with the sandbox's settings, parents first."""
    config = yaml.safe_load(pulumi_stack.WORKING.read_text())["config"]
    own = {key.removeprefix("code:"): value for key, value in config.items() if key.startswith("code:")}
    settings = Settings.model_validate_json(json.dumps(own))
    recorded = record(lambda: build(settings)).resources
    names = {resource.name for resource in recorded if resource.type.startswith("code:")}
    return [(r.type, r.name, r.parent, r.inputs, sorted(d for d in r.depends_on if d not in names)) for r in recorded]


def _project(folder: Path, platform: Platform) -> _Project:
    """A project with the stack's own configuration, and a backend of its own."""
    state = folder / "state"
    state.mkdir(parents=True)
    (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
    shutil.copy(paths.CHECKOUT / "Pulumi.yaml", folder)
    config = folder / "Pulumi.dev.yaml"
    config.write_text(yaml.safe_dump({"config": yaml.safe_load(pulumi_stack.WORKING.read_text())["config"]}))
    own = {"PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_OPTION_CONFIG_FILE": str(config)}
    project = _Project(folder, {**platform.cluster.environment, **own})
    _pulumi(project, "stack", "init", "dev")
    return project


def _preview(project: _Project) -> float:
    began = time.monotonic()
    _pulumi(project, "preview", "--stack", "dev")
    return time.monotonic() - began


def _pulumi(project: _Project, *arguments: str) -> None:
    done = subprocess.run(
        ["pulumi", *arguments, "--non-interactive"],
        cwd=project.folder,
        env=dict(project.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"pulumi {' '.join(arguments)} of the bench failed:\n{done.stdout}{done.stderr}")
