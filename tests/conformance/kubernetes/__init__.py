"""The kubernetes stand-in against a real API server, through the engine."""
