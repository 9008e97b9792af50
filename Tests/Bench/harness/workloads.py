# SPDX-License-Identifier: Apache-2.0
"""What is done to a candidate. Each workload returns a dict of figures; CPU is that of the candidate's processes alone.

All generators and origins run on LOAD_CPU. A failed request makes the figure void: a fast proxy that loses bytes is
not fast, so every workload checks that what came back is whole.
"""

import ctypes
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time

from cpus import LOAD_CPU, PRIORITY
from peers import PeerFailure, Program, prepare_child

SMALL_PATH, SMALL_BYTES = "/1k", 1000
STORM_PATH, STORM_BYTES = "/256k", 256 * 1024
BULK_PATH, BULK_BYTES = "/64m", 64_000_000
BULK_LEAD_SECONDS = 1
WARM_CONNECTIONS = 20
SETTLE_SECONDS = 0.1
PR_SET_TIMERSLACK = 29
_libc = ctypes.CDLL(None)


def origin_files(stage):
    folder = stage.folder / "www"
    if folder.exists():
        return folder
    folder.mkdir()
    for path, size in ((SMALL_PATH, SMALL_BYTES), (STORM_PATH, STORM_BYTES), (BULK_PATH, BULK_BYTES)):
        (folder / path.lstrip("/")).write_bytes(b"x" * size)
    return folder


def start_iperf_server(stage):
    port, = stage.ports(1)
    stage.start(Program("iperf3-server", ["iperf3", "-s", "-p", str(port)], [port]), cpu=LOAD_CPU)
    return port


def hold_tunnels(port, identity, count):
    """Tunnels that are up and idle, spoken by hand: preface, SETTINGS, and the acknowledgement of the server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(identity.roots)
    context.load_cert_chain(identity.chain, identity.key)
    context.set_alpn_protocols(["h2"])
    tunnels = []
    for _ in range(count):
        tunnel = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10))
        tunnel.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5) + bytes(3) + b"\4\1" + bytes(4))
        tunnels.append(tunnel)
    return tunnels


def bulk(candidate, streams, seconds):
    """CPU seconds per 1e9 bytes while iperf3 sends as fast as it can."""
    before = candidate.cpu_ns()
    text = _run(["iperf3", "-c", "127.0.0.1", "-p", candidate.port, "-P", streams, "-t", seconds, "-J"], seconds + 20)
    time.sleep(SETTLE_SECONDS)
    cpu_seconds = (candidate.cpu_ns() - before) / 1e9
    answer = json.loads(text)
    if "error" in answer:
        raise PeerFailure(f"{candidate.label}: iperf3: {answer['error']}")
    received = answer["end"]["sum_received"]
    if received["bytes"] == 0:
        raise PeerFailure(f"{candidate.label}: iperf3 moved nothing")
    return {"cpu_s_per_gb": cpu_seconds / (received["bytes"] / 1e9), "gbit_s": received["bits_per_second"] / 1e9}


def requests(candidate, connections, seconds):
    """CPU microseconds per small keep-alive request, closed loop."""
    before = candidate.cpu_ns()
    text = _run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", _url(candidate, SMALL_PATH)], seconds + 20)
    time.sleep(SETTLE_SECONDS)
    cpu_us = (candidate.cpu_ns() - before) / 1e3
    count = int(re.search(r"(\d+) requests in", text).group(1))
    if count == 0 or "Socket errors" in text or "Non-2xx" in text:
        raise PeerFailure(f"{candidate.label}: wrk: {' '.join(text.split())}")
    return {"cpu_us_per_request": cpu_us / count, "requests_s": count / seconds}


def latency(candidate, load_binary, rate, connections, seconds):
    """Percentiles of an open loop at a fixed rate, counted from when each request was meant to leave."""
    return _load_report(candidate, _start_load(candidate, load_binary, SMALL_PATH, rate, connections, seconds), seconds)


def latency_beside_bulk(candidate, load_binary, rate, connections, seconds, pace=None):
    """The same while one client downloads a big file through the same pair, at most `pace` million bytes per second."""
    bulk_seconds = seconds + BULK_LEAD_SECONDS
    downloader = _start_load(candidate, load_binary, BULK_PATH, 1, 1, bulk_seconds,
                             extra=("--bulk", *(("--pace", pace) if pace else ())))
    try:
        time.sleep(BULK_LEAD_SECONDS / 2)
        report = _load_report(candidate, _start_load(candidate, load_binary, SMALL_PATH, rate, connections, seconds), seconds)
    except BaseException:
        downloader.kill()
        raise
    downloads = _load_report(candidate, downloader, bulk_seconds)
    report["bulk_gbit_s"] = downloads["requests"] * BULK_BYTES * 8 / 1e9 / bulk_seconds
    return report


def churn(candidate, count):
    """CPU microseconds per connection that carries one small request and closes."""
    for _ in range(WARM_CONNECTIONS):
        _one_connection(candidate)  # The tunnel is up and the code warm before counting starts.
    time.sleep(SETTLE_SECONDS)
    before = candidate.cpu_ns()
    started = time.monotonic()
    for _ in range(count):
        _one_connection(candidate)
    elapsed = time.monotonic() - started
    time.sleep(SETTLE_SECONDS)
    return {"cpu_us_per_connection": (candidate.cpu_ns() - before) / 1e3 / count, "connections_s": count / elapsed}


def download(candidate, connection):
    """One big file over a connection that is open; returns when all of it came."""
    connection.settimeout(30)
    connection.sendall(f"GET {BULK_PATH} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    received = 0
    while received < BULK_BYTES:
        chunk = connection.recv(1 << 20)
        if not chunk:
            raise PeerFailure(f"{candidate.label}: {received} of {BULK_BYTES} bytes came")
        received += len(chunk)


def hold(candidate, count):
    """Opens connections that each carried one request and now sit idle. The caller closes them."""
    held = []
    try:
        for _ in range(count):
            connection = _connect(candidate)
            held.append(connection)
            _exchange(candidate, connection, "keep-alive")
    except BaseException:
        release(held)
        raise
    return held


def release(held):
    for connection in held:
        connection.close()


def storm(candidate, connections, seconds):
    """Many short connections at once, each fetching a middling file. Returns the highest RssAnon seen per process."""
    peaks = candidate.rss_anon()
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            peaks[:] = map(max, peaks, candidate.rss_anon())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        text = _run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", "Connection: close", "--timeout", "10s",
                     _url(candidate, STORM_PATH)], seconds + 30)
    finally:
        done.set()
        watcher.join()
    if int(re.search(r"(\d+) requests in", text).group(1)) == 0:
        raise PeerFailure(f"{candidate.label}: the storm moved nothing")
    return peaks


def _one_connection(candidate):
    connection = _connect(candidate)
    try:
        _exchange(candidate, connection, "close")
    finally:
        connection.close()


def _connect(candidate):
    connection = socket.create_connection(("127.0.0.1", candidate.port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _exchange(candidate, connection, mode):
    connection.sendall(f"GET {SMALL_PATH} HTTP/1.1\r\nHost: origin\r\nConnection: {mode}\r\n\r\n".encode())
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0 or len(received) < end + 4 + SMALL_BYTES:
        part = connection.recv(65536)
        if not part:
            raise PeerFailure(f"{candidate.label}: closed after {len(received)} bytes of the answer")
        received += part
    if mode == "close" and connection.recv(1):
        raise PeerFailure(f"{candidate.label}: bytes after the end of the answer")


def _start_load(candidate, load_binary, path, rate, connections, seconds, extra=()):
    command = [load_binary, "load", "--to", f"127.0.0.1:{candidate.port}", "--path", path, "--rate", rate,
               "--connections", connections, "--seconds", seconds, *extra]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=_prepare_client if extra else _prepare_generator)


def _prepare_client():
    prepare_child(LOAD_CPU, None, PRIORITY)


def _prepare_generator():
    # Real-time: the generator must not queue behind the origin or the bulk client for its own CPU, else their time slices
    # are counted as the proxy's latency. It sleeps nearly always. Slack 1 ns: the default rounds every sleep by 50 us.
    prepare_child(LOAD_CPU, None)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    _libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)


def _load_report(candidate, process, seconds):
    try:
        out, err = process.communicate(timeout=seconds + 30)
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        raise PeerFailure(f"{candidate.label}: load: {err.strip() or out.strip()}")
    report = json.loads(out)
    if report["errors"]:
        raise PeerFailure(f"{candidate.label}: {report['errors']} of the requests failed")
    return report


def _url(candidate, path):
    return f"http://127.0.0.1:{candidate.port}{path}"


def _run(command, seconds_max):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds_max,
                          preexec_fn=_prepare_client)
    if done.returncode != 0 and not done.stdout.startswith("{"):
        raise PeerFailure(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
