"""nginx.conf says what the edge must do; nginx itself reads it in tests/conformance."""

from components.edge.config import nginx_conf

CONF = nginx_conf("gateway:8080")


def test_only_mcp_leads_to_the_gateway() -> None:
    assert CONF.count("proxy_pass") == 1
    assert "location /mcp/ {\n            set $gateway gateway:8080;" in CONF
    assert "location / {\n            return 404;" in CONF


def test_streams_are_not_held_back() -> None:
    assert "proxy_buffering off;" in CONF
    assert "proxy_request_buffering off;" in CONF


def test_http_only_redirects() -> None:
    assert "listen 8080;\n        return 301 https://$host$request_uri;" in CONF


def test_addresses_are_resolved_anew() -> None:
    # A Service that is made again has another address; with a literal proxy_pass the old one is kept until a restart.
    assert "resolver kube-dns.kube-system.svc.cluster.local valid=10s ipv6=off;" in CONF
    assert "proxy_pass http://$gateway$request_uri;" in CONF


def test_a_renewed_certificate_needs_no_reload() -> None:
    assert "ssl_certificate $certificate;" in CONF
    assert "ssl_certificate_key $certificate_key;" in CONF
