"""What a preview plans."""

from tests.conformance.cli import Cli


def steps(project: Cli) -> dict[str, str]:
    """What the next update would do to which resource of the program; what stays is left out."""
    planned = ((step["urn"].split("::")[-2:], step["op"]) for step in project.json("preview")["steps"])
    return {name: op for (kind, name), op in planned if op != "same" and kind.split(":")[0] == "docker"}
