"""Figures: how long things take. Never part of `make test`."""
