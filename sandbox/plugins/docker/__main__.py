"""Runs the stand-in as a plugin: `python -m sandbox.plugins.docker ENGINE_ADDRESS`."""

from sandbox.plugins.docker.provider import DockerProvider
from sandbox.plugins.server import serve

serve(DockerProvider)
