# SPDX-License-Identifier: Apache-2.0
"""How each peer is told to do the job of one of ours. Every function returns a `Program` for `Stage.start`.

All run one worker thread, TLS 1.3 on both ends, both ends verified against the roots, defaults for everything else
(buffers, windows, ciphers, session tickets): what is compared is what their authors ship. Deviations are noted inline.
"""

import json
import os
import pathlib

from peers import PROJECT, PeerFailure, Program

# Each proxied connection takes two descriptors; the common hard limit of 20,000 holds this many.
CONNECTIONS_MAX = 8000
ENVOY_TYPE = "type.googleapis.com/envoy."


def envoy_binary():
    path = pathlib.Path(os.environ.get("SKEIN_ENVOY") or PROJECT / ".peers/envoy")
    if not path.exists():
        raise PeerFailure("Envoy is missing: run scripts/setup --peers or set SKEIN_ENVOY")
    return path


# --- ours ------------------------------------------------------------------------------------------------------------

def skein_hbone_client(stage, binary, listen, tunnel, authority, identity, inside=False, extra=()):
    """`authority` is a port on loopback or a whole host:port."""
    return _skein(stage, binary, "hbone-client", [listen], inside, [
        "--listen", _at(listen), "--tunnel", _at(tunnel), "--authority", _at(authority),
        *_skein_identity(stage, identity, inside), *extra])


def skein_hbone_server(stage, binary, listen, identity, inside=False, extra=()):
    return _skein(stage, binary, "hbone-server", [listen], inside, [
        "--listen", _at(listen), *_skein_identity(stage, identity, inside), *extra])


def skein_relay(stage, binary, listen, to, inside=False, extra=()):
    return _skein(stage, binary, "relay", [listen], inside, ["--listen", _at(listen), "--to", _at(to), *extra])


def skein_handshakes(stage, binary, to, identity, count, is_resuming, inside=False):
    return _skein(stage, binary, "handshakes", [], inside, [
        "--to", _at(to), "--count", count, *_skein_identity(stage, identity, inside),
        *(["--resume"] if is_resuming else [])])


def _skein(stage, binary, role, ports, inside, arguments):
    argv = [stage.bring(binary, inside), role, *map(str, arguments)]
    return Program(f"skein-{role}", argv, ports, ready_line="ready", inside=inside)


def _skein_identity(stage, identity, inside):
    trust_domain = identity.uri.removeprefix("spiffe://").split("/")[0]
    return ["--cert", stage.seen(identity.chain, inside), "--key", stage.seen(identity.key, inside),
            "--roots", stage.seen(identity.roots, inside), "--trust-domain", trust_domain]


# --- Envoy -----------------------------------------------------------------------------------------------------------

def envoy_tcp(stage, listen, to):
    return _envoy(stage, "envoy-tcp", listen, [_tcp_proxy("out")], _cluster("out", to))


def envoy_hbone_client(stage, listen, tunnel, authority, identity):
    """Each accepted connection becomes a CONNECT stream; connections to the peer are pooled by Envoy."""
    http2 = {"@type": ENVOY_TYPE + "extensions.upstreams.http.v3.HttpProtocolOptions",
             "explicit_http_config": {"http2_protocol_options": {}}}
    cluster = _cluster("tunnel", tunnel, transport_socket=_envoy_tls("UpstreamTlsContext", identity),
                       typed_extension_protocol_options={
                           "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2})
    return _envoy(stage, "envoy-hbone-client", listen,
                  [_tcp_proxy("tunnel", tunneling_config={"hostname": _at(authority)})], cluster)


def envoy_hbone_server(stage, listen, to, identity):
    """Ends CONNECT streams and always dials `to`, whatever the authority says."""
    route = {"match": {"connect_matcher": {}},
             "route": {"cluster": "out", "timeout": "0s",
                       "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}}
    manager = {
        "@type": ENVOY_TYPE + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "hbone", "codec_type": "HTTP2", "stream_idle_timeout": "0s",
        "http2_protocol_options": {"allow_connect": True}, "upgrade_configs": [{"upgrade_type": "CONNECT"}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": ENVOY_TYPE + "extensions.filters.http.router.v3.Router"}}]}
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return _envoy(stage, "envoy-hbone-server", listen, filters, _cluster("out", to),
                  transport_socket=_envoy_tls("DownstreamTlsContext", identity))


def _envoy(stage, name, listen, filters, cluster, **filter_chain):
    config = {"static_resources": {
        "listeners": [{"name": "in", "address": _envoy_address(listen),
                       "filter_chains": [{"filters": filters, **filter_chain}]}],
        "clusters": [cluster]}}
    path = stage.write(f"{name}-{listen}.json", json.dumps(config, indent=1))
    # Hot restart keeps shared memory per base id, which two Envoys would fight over.
    argv = [str(envoy_binary()), "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    return Program(name, argv, [listen])


def _tcp_proxy(cluster, **extra):
    config = {"@type": ENVOY_TYPE + "extensions.filters.network.tcp_proxy.v3.TcpProxy",
              "stat_prefix": "tcp", "cluster": cluster, **extra}
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}


def _cluster(name, port, **extra):
    # The default circuit breaker (1024 connections and requests) would refuse the many-connection measurements.
    limits = {key: CONNECTIONS_MAX for key in ("max_connections", "max_pending_requests", "max_requests")}
    endpoint = {"endpoint": {"address": _envoy_address(port)}}
    return {"name": name, "type": "STATIC", "connect_timeout": "5s",
            "circuit_breakers": {"thresholds": [limits]},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}, **extra}


def _envoy_address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _envoy_tls(kind, identity):
    trust_domain = "/".join(identity.uri.split("/")[:3]) + "/"
    common = {
        # Envoy as a client stops at TLS 1.2 unless told.
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2"],
        "tls_certificates": [{"certificate_chain": {"filename": identity.chain},
                              "private_key": {"filename": identity.key}}],
        "validation_context": {
            "trusted_ca": {"filename": identity.roots},
            "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"prefix": trust_domain}}]}}
    context = {"@type": ENVOY_TYPE + "extensions.transport_sockets.tls.v3." + kind, "common_tls_context": common}
    if kind == "DownstreamTlsContext":
        context["require_client_certificate"] = True
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


# --- HAProxy ---------------------------------------------------------------------------------------------------------

def haproxy_tcp(stage, listen, to, inside=False):
    return _haproxy(stage, "haproxy-tcp", listen, to, "", "", inside)


def haproxy_mtls_client(stage, listen, to, identity, inside=False):
    return _haproxy(stage, "haproxy-mtls-client", listen, to, "", _haproxy_tls(stage, identity, inside), inside)


def haproxy_mtls_server(stage, listen, to, identity, inside=False):
    return _haproxy(stage, "haproxy-mtls-server", listen, to, _haproxy_tls(stage, identity, inside), "", inside)


def _haproxy_tls(stage, identity, inside):
    both = pathlib.Path(identity.chain).with_name("both.pem")
    return (f"ssl crt {stage.seen(both, inside)} ca-file {stage.seen(identity.roots, inside)} verify required "
            "ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.3")


def _haproxy(stage, name, listen, to, bind_options, server_options, inside):
    path = stage.write(f"{name}-{listen}.cfg", f"""
global
  nbthread 1
  maxconn {CONNECTIONS_MAX}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen all
  maxconn {CONNECTIONS_MAX}
  bind 127.0.0.1:{listen} {bind_options}
  server out 127.0.0.1:{to} {server_options}
""")
    return Program(name, ["/usr/sbin/haproxy", "-db", "-f", stage.seen(path, inside)], [listen], inside=inside)


# --- nginx -----------------------------------------------------------------------------------------------------------

def nginx_tcp(stage, listen, to):
    return _nginx_stream(stage, "nginx-tcp", listen, to, "", "")


def nginx_mtls_client(stage, listen, to, identity, server_name="server.test"):
    """nginx checks a host name whenever it verifies a server: the server's certificate needs a DNS name beside the URI."""
    return _nginx_stream(stage, "nginx-mtls-client", listen, to, "", f"""
    proxy_ssl on;
    proxy_ssl_protocols TLSv1.3;
    proxy_ssl_certificate {identity.chain};
    proxy_ssl_certificate_key {identity.key};
    proxy_ssl_trusted_certificate {identity.roots};
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 3;
    proxy_ssl_name {server_name};""")


def nginx_mtls_server(stage, listen, to, identity):
    return _nginx_stream(stage, "nginx-mtls-server", listen, to, " ssl", f"""
    ssl_protocols TLSv1.3;
    ssl_certificate {identity.chain};
    ssl_certificate_key {identity.key};
    ssl_client_certificate {identity.roots};
    ssl_verify_client on;
    ssl_verify_depth 3;""")


def nginx_origin(stage, listen, files):
    """The web server behind the proxies: serves the folder `files`, keeps connections for ever."""
    return _nginx(stage, "nginx-origin", listen, f"""
http {{
  access_log off;
  sendfile on;
  sendfile_max_chunk 64k;  # A download must not hold the one worker longer than a small answer takes.
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  server {{
    listen 127.0.0.1:{listen} backlog=4096;
    root {files};
  }}
}}""")


def _nginx_stream(stage, name, listen, to, listen_options, tls):
    return _nginx(stage, name, listen, f"""
stream {{
  server {{
    listen 127.0.0.1:{listen}{listen_options} backlog=4096;
    proxy_pass 127.0.0.1:{to};
    proxy_timeout 1h;{tls}
  }}
}}""")


def _nginx(stage, name, listen, body):
    # Without a master there is one process whose CPU and memory can be read, and none that outlives a kill.
    path = stage.write(f"{name}-{listen}.conf", f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {stage.folder}/{name}-{listen}.pid;
error_log stderr error;
events {{ worker_connections {2 * CONNECTIONS_MAX}; }}
{body}
""")
    return Program(name, ["/usr/sbin/nginx", "-p", str(stage.folder), "-e", "stderr", "-c", str(path)], [listen])


def _at(port_or_address):
    return port_or_address if isinstance(port_or_address, str) else f"127.0.0.1:{port_or_address}"
