"""`up` and `down`: the sandbox's life, step by step."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox import env, images, packages, paths, preflight, progress, pulumi_stack, state
from sandbox.cluster import addons, binaries, control_plane, docker, node, settings
from sandbox.cluster.settings import RUN, Settings
from sandbox.engine import engine
from sandbox.engine.engine import Engine
from sandbox.env import Client
from sandbox.errors import SandboxError
from sandbox.images.oci import Image
from sandbox.plugins import choice


@dataclass(frozen=True, kw_only=True)
class Builds:
    """What the caches hold when everything is built."""

    kubernetes: Path
    """Folder of the Kubernetes binaries."""
    engine: Engine | None
    """Nothing where the module registry refuses it: the cluster is of use without."""
    images: list[Image]
    """The base images."""
    agents: addons.Binaries
    """The programs of the add-ons."""
    agent_images: addons.Images
    """The images of those add-ons that run as pods."""


def up() -> None:
    """Start the sandbox, or complete and mend one that runs. Every step finds what is done already.

    Errors:
        SandboxError: the machine lacks something, another checkout's sandbox is alive, or something does not start.
    """
    wanted = settings.load()
    plugins = choice.parse(os.environ.get("PLUGINS", choice.Choice.AUTO.value))
    preflight.machine()
    preflight.toolchain()
    with state.lock():
        state.refuse_other()
        running = state.alive()
        if not running:
            preflight.disk()
            preflight.ports(wanted)
        packages.install([*packages.NODE, *images.DEBIAN_PACKAGES])
        if not running:
            preflight.kernel()
        builds = _build()
        state.claim(state.this_owner(binaries.version(), str(wanted.network.pods)))
        _install_clients(builds)
        _start_node(wanted, builds)
        _hand_over(builds.engine, wanted, plugins)


def down(*, other: bool) -> None:
    """End the sandbox and remove everything but the caches; nothing to do is success.

    Args:
        other: end the one that another checkout started, instead of this checkout's.

    Errors:
        SandboxError: the running one belongs to another checkout and `other` is not given, or something does not end.
    """
    with state.lock():
        if other and state.alive() and not state.owned_elsewhere():
            progress.say("the running sandbox is this checkout's: left alone")
            return
        if not other:
            state.refuse_other()
        node.stop()
        state.clear()


def _build() -> Builds:
    try:
        found = engine.find_or_build()
    except SandboxError as error:
        progress.say(f"  no engine: {error}")
        found = None
    kubernetes, base, own = binaries.build(), images.make(), addons.build()
    return Builds(kubernetes=kubernetes, engine=found, images=base, agents=own, agent_images=addons.make_images(own))


def _install_clients(builds: Builds) -> None:
    """The programs that an operator uses; those that keep things in a home keep them in the cache."""
    clients = {
        "kubectl": Client(builds.kubernetes / "kubectl", {"KUBECACHEDIR": paths.CACHE / "kubectl"}),
        "docker": Client(docker.CLIENT),
    }
    if builds.engine and not builds.engine.official:
        clients["pulumi"] = Client(builds.engine.pulumi, {"PULUMI_HOME": engine.home()})
    env.install(clients)


def _start_node(wanted: Settings, builds: Builds) -> None:
    """Start the node and what a cloud's cluster has beside it."""
    users = {name: control_plane.identity(wanted, name, user) for name, user in addons.IDENTITIES.items()}
    programs, agents = node.programs(wanted, builds.kubernetes), addons.programs(wanted, builds.agents, users)
    node.adopt([*programs, *agents])
    node.start(wanted, programs)
    emptied = RUN / "docker-emptied"
    if not emptied.exists():
        docker.forget_containers()
        emptied.touch()
    kubectl = addons.Kubectl(program=env.PATH_FOLDER / "kubectl", kubeconfig=settings.kubeconfig())
    # An agent that is not yet permitted to read what it needs tries again at ever longer intervals.
    addons.permit(kubectl)
    node.start(wanted, agents)
    images.publish(builds.images, node.enter(), settings.REGISTRY)
    addons.install(wanted, builds.agent_images, kubectl, node.enter())


def _hand_over(found: Engine | None, wanted: Settings, plugins: choice.Choice) -> None:
    """Prepare the stack and record what `env` prints."""
    folders = [env.PATH_FOLDER]
    variables = {"KUBECONFIG": str(settings.kubeconfig()), "DOCKER_HOST": f"unix://{docker.SOCKET}"}
    if found:
        used = found if found.official else replace(found, pulumi=env.PATH_FOLDER / "pulumi")
        folders += [*used.bin_folders, *choice.plugin_path(plugins, used.pulumi)]
        pulumi_stack.prepare(used, wanted, folders)
        variables |= pulumi_stack.variables()
    env.record(variables, folders)
