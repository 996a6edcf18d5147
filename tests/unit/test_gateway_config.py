"""haproxy.cfg says what the gateway must do; haproxy itself reads it in tests/conformance."""

from components.gateway.config import Backend, haproxy_cfg

SERVERS = {"b": Backend(authority="b:1", path="/mcp"), "a": Backend(authority="a:2", path="/x/mcp")}


def test_each_server_is_chosen_by_its_whole_path() -> None:
    cfg = haproxy_cfg(SERVERS)
    assert cfg.index("use_backend a if { path /mcp/a }") < cfg.index("use_backend b if { path /mcp/b }")
    assert "http-request set-path /x/mcp\n    http-request set-header Host a:2\n    server a a:2 " in cfg


def test_all_else_is_not_found() -> None:
    cfg = haproxy_cfg({})
    assert "default_backend none" in cfg
    assert "backend none\n    http-request deny deny_status 404" in cfg
    assert "use_backend" not in cfg


def test_addresses_are_resolved_anew_and_need_not_be_known_at_the_start() -> None:
    assert "resolvers cluster resolve-prefer ipv4 init-addr libc,none" in haproxy_cfg(SERVERS)
