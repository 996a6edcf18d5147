"""nginx.conf says what the edge must do; nginx itself reads it in tests/conformance."""

from components.edge.config import nginx_conf


def test_each_server_has_its_own_exact_location() -> None:
    conf = nginx_conf({"b": "http://b:1/mcp", "a": "http://a:1/mcp"})
    assert conf.count("location = /mcp/") == 2
    assert conf.index("location = /mcp/a ") < conf.index("location = /mcp/b "), "order would cause idle rollouts"
    assert "set $server http://a:1/mcp;" in conf


def test_without_servers_everything_is_not_found() -> None:
    assert "proxy_pass" not in nginx_conf({})


def test_streams_are_not_held_back() -> None:
    assert nginx_conf({"a": "http://a:1/mcp"}).count("proxy_buffering off;") == 1


def test_http_only_redirects() -> None:
    assert "listen 8080;\n        return 301 https://$host$request_uri;" in nginx_conf({})


def test_addresses_are_resolved_anew() -> None:
    # A Service that is made again has another address; with a literal proxy_pass the old one is kept until a restart.
    conf = nginx_conf({"a": "http://a:1/mcp"})
    assert "resolver kube-dns.kube-system.svc.cluster.local valid=10s ipv6=off;" in conf
    assert "proxy_pass $server$is_args$args;" in conf
