# SPDX-License-Identifier: Apache-2.0
"""RssAnon of our pair: at rest, per idle connection, per idle tunnel, and after a storm has passed.

Memory is not noisy like time, so one run per figure is taken on a fresh pair; peers are measured the same way and shown.
"""

import time

import candidates as who
import workloads
from rounds import Comparison

IDLE_CONNECTIONS = 2000
IDLE_TUNNELS = 500
QUIET_SECONDS = 7.0  # Longer than it may take to give idle buffers back, before a figure's start as well as its end.
STORM_CONNECTIONS, STORM_SECONDS = 1000, 5
GIVE_BACK_SECONDS = 30.0
KB, MB = 1024, 1024 * 1024


def memory(setting, effort, report):
    """`effort` changes nothing here: the counts are part of what is claimed."""
    backend = setting.origin()
    for start in _starters(setting, backend):
        pair = start()
        _idle(report, pair)
        _per_connection(report, pair)
        who.stop(setting, [pair])
    if setting.ours == "skein":
        for version in setting.versions:
            _per_tunnel(setting, report, backend, version)
    _storm(setting, report, backend)


def _starters(setting, backend):
    """One function per candidate, ours first, so that only one pair lives at a time."""
    ours = [lambda version=version: who.pair(setting, setting.ours, backend, version, is_ours=True)
            for version in setting.versions]
    return [*ours, lambda: who.envoy_pair(setting, backend),
            lambda: who.pair(setting, "haproxy", backend, setting.versions[-1])]


def _idle(report, pair):
    time.sleep(QUIET_SECONDS)
    _add(report, "idle_mb", pair, max(pair.rss_anon()) / MB)


def _per_connection(report, pair):
    # The first connections pay for the tunnel and for what grows once; they are not counted.
    workloads.release(workloads.hold(pair, 10))
    time.sleep(QUIET_SECONDS)
    before = pair.rss_anon()
    held = workloads.hold(pair, IDLE_CONNECTIONS)
    try:
        time.sleep(QUIET_SECONDS)
        grown = [(after - start) / IDLE_CONNECTIONS / KB for after, start in zip(pair.rss_anon(), before)]
    finally:
        workloads.release(held)
    _add(report, "kb_per_idle_connection", pair, max(grown), client_kb=round(grown[0], 2), server_kb=round(grown[1], 2))


def _per_tunnel(setting, report, backend, version):
    """Many tunnels of one client to one server, each with its handshake and SETTINGS done: what the server grew by."""
    pair = who.pair(setting, "skein", backend, version, is_ours=True)
    server = pair.processes[-1]
    client = setting.identities["client"]
    held = workloads.hold_tunnels(server.program.ports[0], client, 20)
    time.sleep(QUIET_SECONDS)
    before = server.rss_anon_bytes()
    held += workloads.hold_tunnels(server.program.ports[0], client, IDLE_TUNNELS)
    time.sleep(QUIET_SECONDS)
    grown = (server.rss_anon_bytes() - before) / IDLE_TUNNELS / KB
    for tunnel in held:
        tunnel.close()
    who.stop(setting, [pair])
    _add(report, "kb_per_idle_tunnel", pair, grown)


def _storm(setting, report, backend):
    """The storms follow each other; every pair is looked at again when its own 30 seconds are over."""
    waiting = []
    for start in _starters(setting, backend):
        pair = start()
        workloads.release(workloads.hold(pair, 10))
        time.sleep(QUIET_SECONDS)
        idle = pair.rss_anon()
        peaks = workloads.storm(pair, STORM_CONNECTIONS, STORM_SECONDS)
        waiting.append((pair, idle, peaks, time.monotonic() + GIVE_BACK_SECONDS))
    for pair, idle, peaks, due in waiting:
        time.sleep(max(0.0, due - time.monotonic()))
        kept = pair.rss_anon()
        shares = [after / peak for after, peak in zip(kept, peaks)]
        _add(report, "kept_after_storm", pair, max(shares), idle_mb=_megabytes(idle), peak_mb=_megabytes(peaks),
             kept_mb=_megabytes(kept))
    who.stop(setting, [pair for pair, *_ in waiting])


def _add(report, metric, pair, value, **extra):
    """Ours is judged; a peer's figure gets a metric name of its own, which no threshold matches."""
    name = metric if pair.is_ours else f"{metric}:{pair.name}"
    report.add(name, Comparison(value, None, None, (), 1), pair.openssl, None, None, **extra)


def _megabytes(values):
    return [round(value / MB, 2) for value in values]
