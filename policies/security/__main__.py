"""Serves the pack to the engine: `pulumi preview --policy-pack policies/security`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

# The engine starts a pack in its own folder; what packs share lies beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from policies.exceptions import load
from policies.rule import policies
from policies.security.rules import RULES

FILE = Path(__file__).with_name("exceptions.yaml")

# Serves, and does not return.
PolicyPack(
    "security",
    description="CODE platform: exposure, privilege and secrets in the cluster",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=policies(RULES, load(FILE, {rule.name for rule in RULES}, datetime.now(UTC).date())),
    tags=["kubernetes", "security"],
)
