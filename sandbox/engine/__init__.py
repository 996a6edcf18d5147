"""The Pulumi engine: the official one where it is installed, else the same release built from its Go module."""
