"""Runs the stand-in as a plugin: `python -m sandbox.plugins.random ENGINE_ADDRESS`."""

from sandbox.plugins.random.provider import RandomProvider
from sandbox.plugins.server import serve

serve(lambda _log: RandomProvider())
