"""What the components cost: a preview of the stack against one of a bare program that registers the same resources.

Both preview a stack that does not exist yet, in backends of their own, in turns; images are Outputs in both.
"""

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox import paths, pulumi_stack
from stacks import dev
from stacks.settings import Settings
from tests.program import DIGEST, record

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


def ratio(environment: Mapping[str, str], runs: int) -> tuple[list[float], list[float]]:
    """Seconds of each preview: the stack's, and the bare program's.

    Args:
        environment: the sandbox's, with the stack's working copy in it.
        runs: how often each is previewed, after one that is not counted.
    """
    with tempfile.TemporaryDirectory(prefix="code-bench-") as scratch:
        folder = Path(scratch)
        real = _project(folder / "real", environment)
        for name in ("__main__.py", "stacks", "components", "catalog", "images", "vendor"):
            (folder / "real" / name).symlink_to(paths.CHECKOUT / name)
        bare = _project(folder / "bare", environment)
        (folder / "bare" / "images").symlink_to(paths.CHECKOUT / "images")
        (folder / "bare" / "__main__.py").write_text(PROGRAM)
        (folder / "bare" / "resources.json").write_text(json.dumps(_resources()))
        times: tuple[list[float], list[float]] = ([], [])
        for run in range(runs + 1):
            for taken, project in zip(times, (real, bare), strict=True):
                seconds = _preview(project)
                if run:
                    taken.append(seconds)
        return times


def _resources() -> list[tuple[Any, ...]]:
    """All that the stack registers, with the sandbox's settings, parents first."""
    config = yaml.safe_load(pulumi_stack.WORKING.read_text())["config"]
    own = {key.removeprefix("code:"): value for key, value in config.items() if key.startswith("code:")}
    settings = Settings.model_validate_json(json.dumps(own))
    recorded = record(lambda: dev.build(settings), preview=True).resources
    names = {resource.name for resource in recorded if resource.type.startswith("code:")}
    return [(r.type, r.name, r.parent, r.inputs, sorted(d for d in r.depends_on if d not in names)) for r in recorded]


def _project(folder: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    folder.mkdir()
    (folder / "state").mkdir()
    (folder / "Pulumi.yaml").write_text(
        (paths.CHECKOUT / "Pulumi.yaml").read_text().replace(".venv", str(paths.CHECKOUT / ".venv"))
    )
    config = folder / "Pulumi.dev.yaml"
    working = yaml.safe_load(pulumi_stack.WORKING.read_text())
    config.write_text(yaml.safe_dump({"config": working["config"]}))
    own = {
        **environment,
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_OPTION_CONFIG_FILE": str(config),
        "PWD": str(folder),
    }
    subprocess.run(["pulumi", "stack", "init", "dev"], cwd=folder, env=own, check=True, capture_output=True)
    return own


def _preview(project: Mapping[str, str]) -> float:
    began = time.monotonic()
    done = subprocess.run(
        ["pulumi", "preview", "--stack", "dev", "--non-interactive"],
        cwd=project["PWD"],
        env=dict(project),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"a preview of the bench failed:\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


def row(times: tuple[list[float], list[float]]) -> tuple[str, ...]:
    """A row of the bench's table: how the two medians stand to each other."""
    real, bare = times
    ratios = [mine / its for mine, its in zip(real, bare, strict=True)]
    middle = statistics.median(ratios)
    verdict = f"1.3 {'met' if middle <= 1.3 else 'MISSED'}"
    return ("preview: stack / bare program", f"{min(ratios):.2f}", f"{middle:.2f}", f"{max(ratios):.2f}", verdict)
