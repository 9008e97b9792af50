# SPDX-License-Identifier: Apache-2.0
"""The parts of a run. Each starts its own candidates, measures them in interleaved rounds and adds its rows.

A part of a full run stays under ten minutes, all parts of a quick run together too.
"""

from dataclasses import dataclass

import candidates as who
import workloads
from rounds import add_difference, compare, interleave

RATE, LATENCY_CONNECTIONS = 1000, 4
PACE = 125  # Million bytes per second, 1 Gbit/s: a seventh of what the pairs can move here.
# So few that requests which take tens of milliseconds do not queue behind each other.
SATURATED_RATE, SATURATED_CONNECTIONS = 250, 16
ADDED_LEAST_US = 1.0


@dataclass(frozen=True)
class Effort:
    rounds: int
    # Added one by one while the direct baseline moved in too many; a noisy machine must not keep the bench for ever.
    extra_rounds: int
    bulk_seconds: int
    request_seconds: int
    latency_seconds: int
    beside_bulk_seconds: int
    churn_count: int
    handshake_count: int


QUICK = Effort(rounds=5, extra_rounds=0, bulk_seconds=1, request_seconds=1, latency_seconds=2, beside_bulk_seconds=1,
               churn_count=300, handshake_count=300)
FULL = Effort(rounds=7, extra_rounds=2, bulk_seconds=3, request_seconds=3, latency_seconds=10, beside_bulk_seconds=4,
              churn_count=2000, handshake_count=2000)


def bulk(setting, effort, report):
    """CPU per GB through the pair, one stream and four."""
    backend = workloads.start_iperf_server(setting.stage)
    ours = who.our_pairs(setting, backend)
    haproxies = {pair.openssl: pair for pair in who.haproxy_pairs(setting, backend)}
    envoy = who.envoy_pair(setting, backend)
    nginx = who.pair(setting, "nginx", backend)
    everyone = [*ours, envoy, *haproxies.values(), nginx]
    for streams, metric in ((1, "cpu_s_per_gb_1_stream"), (4, "cpu_s_per_gb_4_streams")):
        samples = _bulk_samples(everyone, backend, streams, effort)
        for pair in ours:
            for peer in (envoy, haproxies[pair.openssl], nginx):
                _add_bulk(report, samples, metric, pair, peer)
    who.stop(setting, everyone)


def relay(setting, effort, report):
    """CPU per GB through one plaintext hop."""
    backend = workloads.start_iperf_server(setting.stage)
    ours = who.our_relay(setting, backend)
    peers = [who.relay(setting, kind, backend) for kind in ("haproxy", "envoy", "nginx")]
    for streams, metric in ((1, "cpu_s_per_gb_1_stream"), (4, "cpu_s_per_gb_4_streams")):
        samples = _bulk_samples([ours, *peers], backend, streams, effort)
        for peer in peers:
            _add_bulk(report, samples, metric, ours, peer)
    who.stop(setting, [ours, *peers])


def requests(setting, effort, report):
    """CPU per small request, keep-alive, at two widths."""
    backend = setting.origin()
    ours, envoy = who.our_pairs(setting, backend), who.envoy_pair(setting, backend)
    for connections in (16, 32):
        samples = interleave([*ours, envoy], who.direct(backend), "requests_s",
                             lambda it: workloads.requests(it, connections, effort.request_seconds), effort)
        for pair in ours:
            report.add(f"cpu_us_per_request_{connections}", compare(samples, "cpu_us_per_request", pair, envoy),
                       pair.openssl, envoy.name, samples)
    who.stop(setting, [*ours, envoy])


def latency(setting, effort, report):
    """What the pair adds to a request at a fixed low rate."""
    backend = setting.origin()
    ours, envoy, direct = who.our_pairs(setting, backend), who.envoy_pair(setting, backend), who.direct(backend)
    samples = interleave([*ours, envoy], direct, "p50_us", lambda it: _latency(setting, it, effort.latency_seconds), effort)
    for percentile in ("p50_us", "p99_us"):
        added = f"added_{percentile}"
        add_difference(samples, percentile, direct, added, ADDED_LEAST_US)
        for pair in ours:
            report.add(added, compare(samples, added, pair, envoy), pair.openssl, envoy.name, samples,
                       direct_us=compare(samples, percentile, direct).ours)
    who.stop(setting, [*ours, envoy])


def beside_bulk(setting, effort, report):
    """Small requests while a download runs in the same tunnel.

    Judged beside a download paced to a share of the CPU: p99 over the p99 without it. A download that takes all of the
    proxies' CPU makes every request wait for time slices, whoever schedules the streams; that is shown against Envoy.
    """
    backend = setting.origin()
    ours, envoy, direct = who.our_pairs(setting, backend), who.envoy_pair(setting, backend), who.direct(backend)

    def measure(it):
        seconds, beside = effort.beside_bulk_seconds, workloads.latency_beside_bulk
        unloaded = _latency(setting, it, seconds)
        paced = beside(it, setting.load_binary, RATE, LATENCY_CONNECTIONS, seconds, PACE)
        figures = {"p50_us": unloaded["p50_us"], "over": paced["p99_us"] / unloaded["p99_us"],
                   "paced_us": paced["p99_us"]}
        if effort is FULL:
            full = beside(it, setting.load_binary, SATURATED_RATE, SATURATED_CONNECTIONS, seconds)
            figures |= {"full_us": full["p99_us"], "full_gbit_s": full["bulk_gbit_s"]}
        return figures

    samples = interleave([*ours, envoy], direct, "p50_us", measure, effort)
    for pair in ours:
        report.add("p99_beside_bulk_over_unloaded", compare(samples, "over", pair), pair.openssl, None, samples,
                   p99_us=compare(samples, "paced_us", pair).ours, direct_over=compare(samples, "over", direct).ours,
                   envoy_over=compare(samples, "over", envoy).ours)
        if effort is not FULL:
            continue
        report.add("p99_us_beside_saturating_bulk", compare(samples, "full_us", pair, envoy), pair.openssl, envoy.name,
                   samples, bulk_gbit_s=compare(samples, "full_gbit_s", pair).ours,
                   peer_bulk_gbit_s=compare(samples, "full_gbit_s", envoy).ours)
    who.stop(setting, [*ours, envoy])


def churn(setting, effort, report):
    """CPU per new connection while the tunnel is already there."""
    backend = setting.origin()
    ours = who.our_pairs(setting, backend)
    haproxies = {pair.openssl: pair for pair in who.haproxy_pairs(setting, backend)}
    hop = who.relay(setting, "envoy", backend)
    everyone = [*ours, *haproxies.values(), hop]
    samples = interleave(everyone, who.direct(backend), "connections_s",
                         lambda it: workloads.churn(it, effort.churn_count), effort)
    for pair in ours:
        for peer in (haproxies[pair.openssl], hop):
            report.add("cpu_us_per_connection", compare(samples, "cpu_us_per_connection", pair, peer),
                       pair.openssl, peer.name, samples)
    who.stop(setting, everyone)


def _bulk_samples(everyone, backend, streams, effort):
    return interleave(everyone, who.direct(backend), "gbit_s",
                      lambda it: workloads.bulk(it, streams, effort.bulk_seconds), effort)


def _add_bulk(report, samples, metric, ours, peer):
    report.add(metric, compare(samples, "cpu_s_per_gb", ours, peer), ours.openssl, peer.name, samples,
               gbit_s=round(compare(samples, "gbit_s", ours).ours or 0, 2),
               peer_gbit_s=round(compare(samples, "gbit_s", peer).ours or 0, 2))


def _latency(setting, candidate, seconds):
    return workloads.latency(candidate, setting.load_binary, RATE, LATENCY_CONNECTIONS, seconds)
