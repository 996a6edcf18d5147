"""Builds the stack that the CLI names, from the settings in its stack file."""

import pulumi

from components.graph import Graph
from stacks import dev, loading

STACKS = {"dev": dev.build}

try:
    settings, secrets = loading.load(pulumi.get_project())
except loading.SettingsError as error:
    # RunError: the line itself, without a traceback of ours around it.
    raise pulumi.RunError(str(error)) from None

stack = pulumi.get_stack()
if stack not in STACKS:
    raise pulumi.RunError(f"no stack {stack!r} in this program; there are: {', '.join(sorted(STACKS))}")
with Graph() as graph:
    outputs = STACKS[stack](settings, graph)
for name, value in outputs.items():
    pulumi.export(name, value)
