"""What a language host says when it cannot do what the engine asks."""


class HostError(Exception):
    """A failure the user can act on; the engine prints its text and nothing else."""
