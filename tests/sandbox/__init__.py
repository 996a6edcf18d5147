"""Checks in the sandbox: on this machine, for real."""
