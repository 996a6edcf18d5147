"""Suites that run through the real programs: the engine, nginx."""
