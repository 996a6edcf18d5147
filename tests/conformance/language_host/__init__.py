"""The language host, through the real engine."""
