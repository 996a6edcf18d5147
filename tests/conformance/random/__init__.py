"""Conformance of the stand-in for pulumi-random."""
