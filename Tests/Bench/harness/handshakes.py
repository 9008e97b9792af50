# SPDX-License-Identifier: Apache-2.0
"""A cold tunnel: the CPU both sides spend on one mutual handshake, against two bare OpenSSL endpoints on the same library.

The bare endpoints are `openssl s_server` and `openssl s_time` with the same certificates. Both clients do one handshake
after the other and their start-up is part of the figure; the counts are large enough for it not to matter. s_time sends
only its leaf and goes on when it was refused, so the server trusts the intermediate too and its log must name no error.
"""

import json
import os
import pathlib
import signal
import subprocess
import time

import candidates as who
import peer_configs
from cpus import LOAD_CPU, PRIORITY, PROXY_CPU
from peers import PeerFailure, Program, prepare_child
from rounds import compare, interleave

BARE_SECONDS = 1
FINISH_SECONDS = 60.0
END = "-----END CERTIFICATE-----"


def handshakes(setting, effort, report):
    if setting.ours != "skein":
        return
    for version in setting.versions:
        bare = who.Candidate("bare-openssl", 0, [_start_bare_server(setting, version)], version)
        full = who.Candidate("ours", 0, [_start_our_server(setting, version)], version, is_ours=True)
        resumed = who.Candidate("ours-resumed", 0, full.processes, version, is_ours=True)

        def measure(it):
            if it is bare:
                return _bare(setting, it)
            return _ours(setting, it, effort.handshake_count, it is resumed)

        samples = interleave([full, resumed], bare, "handshakes_s", measure, effort)
        report.add("cold_tunnel_cpu_us", compare(samples, "cpu_us", full, bare), version, bare.name, samples)
        share = compare(samples, "cpu_us", resumed, full)
        report.add("resumed_over_full_tunnel", _alone(share), version, None, samples,
                   resumed_us=share.ours, full_us=share.peer)
        who.stop(setting, [bare, full])


def _alone(comparison):
    """A ratio between two of our own figures is itself the figure that is judged."""
    return type(comparison)(comparison.ratio, None, None, comparison.spread, comparison.runs)


def _start_our_server(setting, version):
    port, = setting.stage.ports(1)
    program = peer_configs.skein_hbone_server(setting.stage, setting.binary, port, setting.identities["server"],
                                              _inside(version), setting.own_flags)
    return setting.stage.start(program, cpu=PROXY_CPU)


def _ours(setting, candidate, count, is_resuming):
    stage, inside, server = setting.stage, _inside(candidate.openssl), candidate.processes[0]
    done_before = server.counters()["tls_handshakes"]
    before = server.cpu_ns()
    started = time.monotonic()
    client = stage.start(peer_configs.skein_handshakes(stage, setting.binary, server.program.ports[0],
                                                       setting.identities["client"], count, is_resuming, inside),
                         cpu=LOAD_CPU)
    try:
        answer = _report_of(client)
        cpu_ns = client.cpu_ns() + server.cpu_ns() - before
        elapsed = time.monotonic() - started
    finally:
        stage.stop(client)
    # A TLS 1.3 client is done before the server has judged its certificate: only the server knows.
    accepted = server.counters()["tls_handshakes"] - done_before
    if accepted != count:
        raise PeerFailure(f"{candidate.label}: the server accepted {accepted} of {count}")
    # The first handshake of a resuming client is a full one.
    if answer["handshakes"] != count or answer["resumed"] != (count - 1 if is_resuming else 0):
        raise PeerFailure(f"{candidate.label}: {answer} of {count}")
    return {"cpu_us": cpu_ns / 1e3 / count, "handshakes_s": count / elapsed}


def _report_of(client):
    deadline = time.monotonic() + FINISH_SECONDS
    while time.monotonic() < deadline and client.is_alive:
        for line in client.output().splitlines():
            if line.startswith('{"handshakes"'):
                return json.loads(line)
        time.sleep(0.01)
    raise PeerFailure(f"handshakes: no report: {client.errors().strip()[-200:]}")


def _start_bare_server(setting, version):
    port, = setting.stage.ports(1)
    stage, inside = setting.stage, _inside(version)
    argv = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet", "-tls1_3", "-Verify", "3",
            "-verify_return_error", "-verify_quiet", *_bare_files(stage, setting.identities["server"], inside),
            "-cert_chain", stage.seen(_bare_folder(stage) / "intermediate.pem", inside)]
    return stage.start(Program("openssl-server", argv, [port], inside=inside), cpu=PROXY_CPU)


def _bare(setting, candidate):
    """s_time runs for a time, not a count; its own CPU is what the kernel reports when it ends."""
    stage, inside, server = setting.stage, _inside(candidate.openssl), candidate.processes[0]
    argv = ["openssl", "s_time", "-connect", f"127.0.0.1:{server.program.ports[0]}", "-new", "-time", str(BARE_SECONDS),
            "-tls1_3", "-verify", "3", *_bare_files(stage, setting.identities["client"], inside)]
    root = str(stage.root) if inside else None
    before = server.cpu_ns()
    started = time.monotonic()
    with (stage.folder / "s_time.out").open("wb") as out:
        client = subprocess.Popen(argv, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                  preexec_fn=lambda: prepare_child(LOAD_CPU, root, PRIORITY))
        try:
            _, status, usage = os.wait4(client.pid, 0)
        except BaseException:
            os.kill(client.pid, signal.SIGKILL)
            raise
        client.returncode = os.waitstatus_to_exitcode(status)
    text = (stage.folder / "s_time.out").read_text()
    counts = [int(line.split()[0]) for line in text.splitlines() if " connections in " in line and "real seconds" in line]
    if client.returncode != 0 or not counts or counts[0] == 0:
        raise PeerFailure(f"s_time: {text.strip()[-200:]}")
    if "error" in server.errors():
        raise PeerFailure(f"s_server: {server.errors().strip()[:300]}")
    cpu_us = (usage.ru_utime + usage.ru_stime) * 1e6 + (server.cpu_ns() - before) / 1e3
    return {"cpu_us": cpu_us / counts[0], "handshakes_s": counts[0] / (time.monotonic() - started)}


def _bare_files(stage, identity, inside):
    folder = _bare_folder(stage)
    anchors = folder / "anchors.pem"
    if not anchors.exists():
        intermediates = pathlib.Path(identity.chain).read_text().partition(END)[2].lstrip()
        (folder / "intermediate.pem").write_text(intermediates)
        anchors.write_text(pathlib.Path(identity.roots).read_text() + intermediates)
    leaf = pathlib.Path(identity.chain).with_name("certificate.pem")
    return ["-cert", stage.seen(leaf, inside), "-key", stage.seen(identity.key, inside),
            "-CAfile", stage.seen(anchors, inside)]


def _bare_folder(stage):
    folder = stage.folder / "bare"
    folder.mkdir(exist_ok=True)
    return folder


def _inside(version):
    return version == "3.5"
