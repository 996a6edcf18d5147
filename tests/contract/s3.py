"""The contract "plain S3": what the platform needs of an object store, as checks that take any.

@pytest.mark.parametrize("check", s3.CHECKS, ids=s3.name)
def test_the_contract(store: s3.Store, check: s3.Check) -> None:
    check(store)
"""

from tests.contract import s3_objects, s3_rights
from tests.contract.s3_store import Check, Client, Keys, Store

__all__ = ["CHECKS", "Check", "Client", "Keys", "Store", "name"]

CHECKS: tuple[Check, ...] = (*s3_objects.CHECKS, *s3_rights.CHECKS)


def name(check: Check) -> str:
    """What a check is called."""
    return check.__name__
