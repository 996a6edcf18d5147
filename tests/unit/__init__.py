"""Unit tests: no engine, no cluster."""
