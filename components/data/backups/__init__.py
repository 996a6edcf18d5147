"""Backups of the data layer, and the proof that they restore."""
