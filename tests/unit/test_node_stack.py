"""The working copy of the stack file."""

import json
from typing import Any

from sandbox import pulumi_stack
from sandbox.cluster import settings as node_settings
from stacks.settings import Settings

COMMITTED = {"config": {"code:servers": ["time"], "code:registry": "ghcr.io/you"}, "encryptionsalt": "of another"}
OWN: dict[str, Any] = {"registry": "127.0.0.1:5000", "pools": {"sandbox": {"nodes": 1}}}


def test_the_sandbox_wins_and_no_foreign_salt_is_taken() -> None:
    assert pulumi_stack.working_copy(COMMITTED, {}, OWN) == {
        "config": {"code:servers": ["time"], "code:registry": "127.0.0.1:5000", "code:pools": OWN["pools"]}
    }


def test_what_the_engine_wrote_is_kept_and_what_the_operator_edits_is_taken_over() -> None:
    secret = {"secure": "v1:abc"}
    earlier = {"config": {"code:token": secret, "code:servers": ["old"]}, "encryptionsalt": "v1:salt"}
    copy = pulumi_stack.working_copy(COMMITTED, earlier, OWN)
    assert copy["encryptionsalt"] == "v1:salt"
    assert copy["config"]["code:token"] == secret
    assert copy["config"]["code:servers"] == ["time"]


def test_what_the_sandbox_says_of_itself_are_valid_settings() -> None:
    own = pulumi_stack.own_settings(node_settings.load())
    del own["image_lock"]  # written when the node runs
    loaded = Settings.model_validate_json(json.dumps(own))
    assert str(loaded.kubernetes_api.cidrs[0]) == "10.0.2.100/32"


def test_what_the_sandbox_prefers_yields_to_the_operator_key_by_key() -> None:
    data = {"passwords": 2}
    plain = pulumi_stack.with_preferences({"config": {"code:data": data}, "encryptionsalt": "v1:salt"})
    assert plain == {"config": {"code:data": {"passwords": 2, "keep_volumes": False}}, "encryptionsalt": "v1:salt"}
    kept = pulumi_stack.with_preferences({"config": {"code:data": {"keep_volumes": True}}})
    assert kept["config"]["code:data"] == {"keep_volumes": True}
    assert pulumi_stack.with_preferences({})["config"]["code:data"] == {"keep_volumes": False}
