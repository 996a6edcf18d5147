"""The rules of the pack, a file per domain."""

from collections.abc import Sequence

from policies.rule import Rule
from policies.security.rules import images, isolation, limits, namespaces, rbac, secrets

RULES: Sequence[Rule] = (images.RULE, isolation.RULE, limits.RULE, secrets.RULE, namespaces.RULE, rbac.RULE)
