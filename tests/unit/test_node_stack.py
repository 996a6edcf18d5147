"""The working copy of the stack file."""

from sandbox import pulumi_stack

COMMITTED = {"config": {"code:servers": '["time"]', "code:registry": "ghcr.io/you"}, "encryptionsalt": "of another"}
OWN = {"registry": "127.0.0.1:5000", "edge_ca": "PEM"}


def test_the_sandbox_wins_and_no_foreign_salt_is_taken() -> None:
    assert pulumi_stack.working_copy(COMMITTED, {}, OWN) == {
        "config": {"code:servers": '["time"]', "code:registry": "127.0.0.1:5000", "code:edge_ca": "PEM"}
    }


def test_what_the_engine_wrote_is_kept_and_what_the_operator_edits_is_taken_over() -> None:
    secret = {"secure": "v1:abc"}
    earlier = {"config": {"code:edge_key": secret, "code:servers": '["old"]'}, "encryptionsalt": "v1:salt"}
    copy = pulumi_stack.working_copy(COMMITTED, earlier, OWN)
    assert copy["encryptionsalt"] == "v1:salt"
    assert copy["config"]["code:edge_key"] == secret
    assert copy["config"]["code:servers"] == '["time"]'
