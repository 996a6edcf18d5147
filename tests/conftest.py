"""What all tests share."""

import os

from hypothesis import settings

# In CI the same examples every time: what lands is decided by the change, not by the dice. Everywhere else new ones.
settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
