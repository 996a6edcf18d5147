"""Runs the platform's stacks for real on one machine. Nothing outside this package imports it."""
