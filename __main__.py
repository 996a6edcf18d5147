"""Builds the stack that the CLI names, from the settings in its stack file."""

import pulumi

from stacks import dev, settings

STACKS = {"dev": dev.build}

try:
    loaded, secrets = settings.load(pulumi.get_project())
except settings.SettingsError as error:
    # RunError: the line itself, without a traceback of ours around it.
    raise pulumi.RunError(str(error)) from None

stack = pulumi.get_stack()
if stack not in STACKS:
    raise pulumi.RunError(f"no stack {stack!r} in this program; there are: {', '.join(sorted(STACKS))}")
for name, value in STACKS[stack](loaded, secrets).items():
    pulumi.export(name, value)
