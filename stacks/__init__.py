"""Composition only: a stack names what runs and hands each part what it may use."""
