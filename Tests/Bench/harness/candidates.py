# SPDX-License-Identifier: Apache-2.0
"""Who is measured: our pair or relay, the peers that do the same job, and the direct path as the baseline."""

from dataclasses import dataclass, field

import peer_configs
import workloads
from cpus import LOAD_CPU, PROXY_CPU
from peers import PeerFailure

NONE = "none"  # The OpenSSL label of what has no TLS, or another library.


@dataclass
class Candidate:
    """One way from the load generator to the origin. `processes` are those whose CPU and memory count."""

    name: str
    port: int
    processes: list = field(default_factory=list)
    openssl: str = NONE
    is_ours: bool = False

    @property
    def label(self):
        return self.name if self.openssl == NONE else f"{self.name}/{self.openssl}"

    def cpu_ns(self):
        return sum(process.cpu_ns() for process in self.processes)

    def rss_anon(self):
        return [process.rss_anon_bytes() for process in self.processes]


@dataclass
class Setting:
    """What stays the same for a whole run."""

    stage: object
    identities: dict
    binary: str
    ours: str = "skein"          # Or a peer's kind, to try the harness itself.
    versions: tuple = ("3.0",)   # OpenSSL versions to judge us on.
    load_binary: str = ""
    own_flags: tuple = ()        # Passed to our proxies, e.g. --congestion cubic.

    def origin(self):
        """Starts a web server with the files the workloads ask for; returns its port."""
        port, = self.stage.ports(1)
        files = workloads.origin_files(self.stage)
        self.stage.start(peer_configs.nginx_origin(self.stage, port, files), cpu=LOAD_CPU)
        return port


def direct(port):
    return Candidate("direct", port)


def pair(setting, kind, backend, openssl=NONE, is_ours=False):
    """Starts both sides of a tunnel in front of `backend`."""
    listen, tunnel = setting.stage.ports(2)
    server = _pair_server(setting, kind, tunnel, backend, openssl)
    client = _pair_client(setting, kind, listen, tunnel, backend, openssl)
    processes = [setting.stage.start(program, cpu=PROXY_CPU) for program in (server, client)]
    return Candidate(_pair_name(kind, is_ours), listen, processes[::-1], openssl, is_ours)


def counted_pair(setting, backend, library, counts):
    """Our pair with an allocator that counts: `counts` are the files that show the numbers, client first."""
    listen, tunnel = setting.stage.ports(2)
    programs = [_pair_client(setting, "skein", listen, tunnel, backend, "3.0"),
                _pair_server(setting, "skein", tunnel, backend, "3.0")]
    for program, count in zip(programs, counts):
        program.environment |= {"LD_PRELOAD": str(library), "SKEIN_MALLOC_COUNT": str(count)}
    processes = [setting.stage.start(program, cpu=PROXY_CPU) for program in reversed(programs)]
    return Candidate("ours", listen, processes[::-1], "3.0", True)


def relay(setting, kind, backend, is_ours=False):
    listen, = setting.stage.ports(1)
    program = _relay_program(setting, kind, listen, backend)
    name = "ours" if is_ours else f"{kind}-tcp"
    return Candidate(name, listen, [setting.stage.start(program, cpu=PROXY_CPU)], NONE, is_ours)


def our_pairs(setting, backend):
    return [pair(setting, setting.ours, backend, version, is_ours=True) for version in setting.versions]


def our_relay(setting, backend):
    return relay(setting, setting.ours, backend, is_ours=True)


def envoy_pair(setting, backend):
    return pair(setting, "envoy", backend)


def haproxy_pairs(setting, backend):
    """One per OpenSSL version, so that each of ours has a peer on the same library."""
    return [pair(setting, "haproxy", backend, version) for version in setting.versions]


def stop(setting, candidates):
    for candidate in candidates:
        setting.stage.stop(*candidate.processes)


def _pair_name(kind, is_ours):
    if is_ours:
        return "ours"
    return {"envoy": "envoy-hbone"}.get(kind, f"{kind}-mtls")


def _is_inside(openssl):
    return openssl == "3.5"


def _pair_server(setting, kind, listen, backend, openssl):
    stage, inside = setting.stage, _is_inside(openssl)
    identity = setting.identities["server"]
    if kind == "skein":
        return peer_configs.skein_hbone_server(stage, setting.binary, listen, identity, inside, setting.own_flags)
    if kind == "envoy":
        return peer_configs.envoy_hbone_server(stage, listen, backend, identity)
    if kind == "haproxy":
        return peer_configs.haproxy_mtls_server(stage, listen, backend, identity, inside)
    if kind == "nginx":
        return peer_configs.nginx_mtls_server(stage, listen, backend, setting.identities["server-dns"])
    raise PeerFailure(f"no pair of kind {kind}")


def _pair_client(setting, kind, listen, tunnel, backend, openssl):
    stage, inside = setting.stage, _is_inside(openssl)
    identity = setting.identities["client"]
    if kind == "skein":
        return peer_configs.skein_hbone_client(stage, setting.binary, listen, tunnel, backend, identity, inside,
                                               setting.own_flags)
    if kind == "envoy":
        return peer_configs.envoy_hbone_client(stage, listen, tunnel, backend, identity)
    if kind == "haproxy":
        return peer_configs.haproxy_mtls_client(stage, listen, tunnel, identity, inside)
    return peer_configs.nginx_mtls_client(stage, listen, tunnel, identity)


def _relay_program(setting, kind, listen, backend):
    stage = setting.stage
    if kind == "skein":
        return peer_configs.skein_relay(stage, setting.binary, listen, backend)
    return {"envoy": peer_configs.envoy_tcp, "haproxy": peer_configs.haproxy_tcp,
            "nginx": peer_configs.nginx_tcp}[kind](stage, listen, backend)
