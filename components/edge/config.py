"""The configuration that NGINX reads, checked by `nginx -t` in tests/conformance."""

HTTPS_PORT = 8443
HTTP_PORT = 8080
HEALTH_PORT = 8081
"""Where NGINX listens in its pod; health has a port of its own that the Service does not offer."""

DIR = "/etc/edge/config"
FILE = f"{DIR}/nginx.conf"
TLS_DIR = "/etc/edge/tls"

RESOLVER = "kube-dns.kube-system.svc.cluster.local"
"""The cluster's name service, by the name that it has in every cluster; its own address never changes."""

RESOLVED_S = 10
"""Seconds that NGINX believes an address. Without a resolver it would believe for ever what it heard at its start."""

CONNECT_S = 5
STREAM_S = 3600
"""Seconds that a stream may be silent before the edge closes it."""

_HEAD = f"""\
worker_processes auto;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {{
    worker_connections 1024;
}}

http {{
    access_log /dev/stdout;
    server_tokens off;
    client_max_body_size 4m;
    resolver {RESOLVER} valid={RESOLVED_S}s ipv6=off;
    client_body_temp_path /tmp/client_body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;

    # A certificate that is named by a variable is read at each handshake: a renewed one needs no reload.
    map $host $certificate {{
        default {TLS_DIR}/tls.crt;
    }}
    map $host $certificate_key {{
        default {TLS_DIR}/tls.key;
    }}

    server {{
        listen {HEALTH_PORT};
        access_log off;
        location = /healthz {{
            return 200 "ok\\n";
        }}
    }}

    server {{
        listen {HTTP_PORT};
        return 301 https://$host$request_uri;
    }}

    server {{
        listen {HTTPS_PORT} ssl http2;
        ssl_certificate $certificate;
        ssl_certificate_key $certificate_key;
        ssl_protocols TLSv1.2 TLSv1.3;
        add_header Strict-Transport-Security "max-age=31536000" always;

        location / {{
            return 404;
        }}
"""

_TAIL = """\
    }
}
"""


def nginx_conf(gateway: str) -> str:
    """nginx.conf for an edge that hands `/mcp/` to the gateway.

    Args:
        gateway: its host:port.
    """
    # Answers are event streams: buffering would hold them back, and HTTP/1.0 would end them. Only an address in a
    # variable is resolved anew.
    return f"""{_HEAD}
        location /mcp/ {{
            set $gateway {gateway};
            proxy_pass http://$gateway$request_uri;
            proxy_connect_timeout {CONNECT_S}s;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout {STREAM_S}s;
            proxy_send_timeout {STREAM_S}s;
        }}
{_TAIL}"""
