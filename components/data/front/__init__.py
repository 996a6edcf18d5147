"""The TCP front of a store with one primary: HAProxy, which leads to whichever member that is now."""
