# SPDX-License-Identifier: Apache-2.0
"""Peers that never become one: silent, slow, truncated, or speaking something else. Our server drops and counts them.

Every test keeps a well-behaved tunnel open through the abuse and opens a fresh one after it.
"""

import random
import select
import socket
import ssl
import time

from frames import PREFACE, Echo, Wire, connect, data, open_stream, tls_context
from scene import case
from traffic import Origin, abort, echo, ending, exactly, wait_until

DEADLINE_MS = 1500
PREFACE_SECONDS = 10
SILENT = 10_000
SOURCES = 4  # Addresses 127.0.0.2 and up, so that no address needs more ports than the kernel has.
SILENT_BYTES_EACH, SILENT_BYTES_SLACK = 6 << 10, 8 << 20
BIND_ADDRESS_NO_PORT = 24


class Victim:
    """Our server, an echoing origin, and the tunnel that must not notice."""

    def __init__(self, scene, deadline_ms=DEADLINE_MS):
        self.scene, self.identity = scene, scene.identities["client"]
        self.origin = Origin(echo)
        self.server = scene.our_server(extra=("--handshake-deadline", str(deadline_ms)))
        self.address = self.server.address
        self.good = Echo(self.address, self.identity, self.origin.authority)
        self.good.check("before anything happened")
        self.before = self.server.counters()

    def dial(self, source=None):
        connection = socket.socket()
        connection.settimeout(10)
        if source:
            connection.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
            connection.bind((source, 0))
        connection.connect(self.address)
        return connection

    def risen(self, name):
        return self.server.counters().get(name, 0) - self.before.get(name, 0)

    def changes(self):
        """The counters that rose since the start."""
        return {name: value - self.before.get(name, 0) for name, value in self.server.counters().items()
                if value > self.before.get(name, 0)}

    def expect_risen(self, name, by):
        """Counters may follow the connection's end by a moment."""
        try:
            wait_until(lambda: self.risen(name) >= by, name, 3)
        except AssertionError:
            raise AssertionError(f"{name} rose by {self.risen(name)}, not {by}; what rose: {self.changes()}") from None

    def still_serves(self):
        assert self.server.is_alive, f"the server ended: {self.server.errors()[-400:]}"
        self.good.check("after the abuse")
        Echo(self.address, self.identity, self.origin.authority).check("made after the abuse")


def client_hello(identity):
    """The first flight of a good handshake, as bytes."""
    outgoing = ssl.MemoryBIO()
    client = tls_context(identity).wrap_bio(ssl.MemoryBIO(), outgoing)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@case()
def handshakes_that_stop(scene):
    """A hundred that stop half-way, at four places: dropped at the deadline, not before, and counted one by one."""
    victim = Victim(scene)
    hello = client_hello(victim.identity)
    firsts = (hello[:1], hello[:5], hello[:len(hello) // 2], hello)
    started = time.monotonic()
    connections = [victim.dial() for _ in range(100)]
    for index, connection in enumerate(connections):
        connection.sendall(firsts[index % len(firsts)])
    victim.good.check("beside stopped handshakes")
    for index, connection in enumerate(connections):
        how, _ = ending(connection, 2 * DEADLINE_MS / 1000 + 2)
        seconds = time.monotonic() - started
        assert how != "silence", f"handshake {index} was still open after {seconds:.1f} s"
        assert seconds > 0.5 * DEADLINE_MS / 1000, f"handshake {index} ended after {seconds:.2f} s already"
    victim.expect_risen("tls_handshake_timeout", 100)
    victim.still_serves()


@case()
def handshake_in_drips(scene):
    """A byte each tenth of a second keeps no handshake alive: the deadline is for the whole of it."""
    victim = Victim(scene)
    hello, started = client_hello(victim.identity), time.monotonic()
    files = victim.server.open_files()
    connection = victim.dial()
    for index in range(len(hello)):
        connection.sendall(hello[index:index + 1])
        if select.select([connection], [], [], 0.1)[0]:
            break
        assert time.monotonic() - started < 3 * DEADLINE_MS / 1000, "a dripping handshake outlived its deadline"
    assert connection.recv(100) == b"", "the server answered half a handshake"
    victim.expect_risen("tls_handshake_timeout", 1)
    # Told to go, it drips on: a server that waits for the peer's end must not wait for ever.
    wait_until(lambda: drip(connection) or victim.server.open_files() <= files, "the connection is still held", 8)
    victim.still_serves()


def drip(connection):
    """Sends one more byte; True when that fails."""
    try:
        connection.sendall(b"x")
        return False
    except OSError:
        return True


@case(seconds=60)
def ten_thousand_silent(scene):
    """Connections that say nothing cost at most 6 KB each and are all gone after the deadline."""
    victim = Victim(scene, deadline_ms=8000)
    before = victim.server.rss_anon_bytes()
    connections = [victim.dial(f"127.0.0.{2 + index % SOURCES}") for index in range(SILENT)]
    wait_until(lambda: victim.server.open_files() > SILENT, "the server did not accept them all", 6)
    victim.good.check("beside silent connections")
    grown = victim.server.rss_anon_bytes() - before
    wait_until(lambda: victim.server.open_files() < 100, "silent connections outlived the deadline", 14)
    victim.expect_risen("tls_handshake_timeout", SILENT)
    kept = victim.server.rss_anon_bytes() - before
    scene.note(f"{grown / SILENT:.0f} bytes each, {kept / SILENT:.0f} kept afterwards")
    assert grown <= SILENT * SILENT_BYTES_EACH + SILENT_BYTES_SLACK, f"memory grew by {grown / SILENT:.0f} bytes each"
    for connection in connections:
        connection.close()
    victim.still_serves()


@case()
def silent_after_handshake(scene):
    """TLS done, no HTTP/2 preface, or half of one: not kept beyond the preface's own deadline."""
    victim = Victim(scene)
    wires = {"nothing": b"", "half a preface": PREFACE[:9], "no SETTINGS": PREFACE}
    for name, first in wires.items():
        wires[name] = Wire(victim.dial(), tls_context(victim.identity))
        wires[name].handshake()
        wires[name].send(first)
    deadline = time.monotonic() + PREFACE_SECONDS + 3
    outcomes = {name: wire.linger(max(0.1, deadline - time.monotonic())) for name, wire in wires.items()}
    scene.note(str(outcomes))
    assert all(outcomes.values()), f"still open after {PREFACE_SECONDS + 3} s: {outcomes}; {victim.changes()}"
    victim.expect_risen("h2_preface_timeouts", len(wires))
    victim.still_serves()


@case()
def truncated_records(scene):
    """Records cut by FIN or RST, at every stage of a connection."""
    victim = Victim(scene)
    hello = client_hello(victim.identity)
    for cut in [1, 4, 5, 6, 42, len(hello) - 1, len(hello)]:
        for close in (socket.socket.close, abort):
            connection = victim.dial()
            connection.sendall(hello[:cut])
            close(connection)
    for cut in (1, 4, 5, 20):
        wire = connect(victim.address, victim.identity)
        wire.tls.write(data(1, b"x" * 100))
        wire.send_raw(wire.outgoing.read()[:cut])
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.linger(5), f"still open after a record cut at byte {cut} and FIN"
    victim.still_serves()


@case()
def truncation_is_no_end(scene):
    """A tunnel cut without close_notify in mid-stream: the origin sees a reset, for an attacker can forge a FIN."""
    seen = []

    def serve(connection):
        exactly(connection, 4)
        seen.append(ending(connection)[0])

    victim = Victim(scene)
    origin = Origin(serve)
    wire = connect(victim.address, victim.identity)
    open_stream(wire, 1, origin.authority)
    wire.send(data(1, b"half"))
    wire.linger(0.1)
    wire.socket.shutdown(socket.SHUT_WR)
    wait_until(lambda: seen, "the origin was never told", 8)
    assert seen[0] == "reset", f"the origin saw {seen[0]}"
    victim.still_serves()


@case()
def garbage(scene):
    """Two hundred connections that speak noise, plain HTTP, HTTP/2 without TLS, or TLS records with absurd lengths."""
    victim, noise = Victim(scene), random.Random(7)
    openings = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", PREFACE, b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
                b"\x16\x03\x01\x00\x00" * 1000, b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x00\x10" + b"\0" * 16,
                b"\x14\x03\x03\x00\x01\x01" * 5000, b"SSH-2.0-x\r\n", b"\x80\x2e\x01\x00\x02" + b"\0" * 60]
    for index in range(200):
        connection = victim.dial()
        try:
            connection.sendall(openings[index] if index < len(openings) else noise.randbytes(noise.randrange(1, 4000)))
        except OSError:
            pass  # Refused while we were still talking.
        how, _ = ending(connection, DEADLINE_MS / 1000 + 3)
        assert how != "silence", f"opening {index} was still connected"
    victim.still_serves()


@case()
def garbage_in_session(scene):
    """After a good handshake: a forged record, plain HTTP/1 inside TLS, a changed preface."""
    victim = Victim(scene)
    forged = connect(victim.address, victim.identity)
    forged.send_raw(b"\x17\x03\x03\x00\x40" + b"\xa5" * 64)
    assert forged.linger(5), "still open after a forged record"
    for first in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2, PREFACE[:-2] + b"XX" + b"\0" * 64, b"\xff" * 400):
        wire = Wire(victim.dial(), tls_context(victim.identity))
        wire.handshake()
        wire.send(first)
        assert wire.linger(5), f"still open after {first[:24]!r}"
    victim.still_serves()


@case()
def wrong_version_and_protocol(scene):
    """TLS 1.2 and a peer that only knows HTTP/1.1 get no session."""
    victim = Victim(scene)
    old = tls_context(victim.identity)
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    other = tls_context(victim.identity)
    other.set_alpn_protocols(["http/1.1"])
    for name, context in (("TLS 1.2", old), ("http/1.1", other)):
        wire = Wire(victim.dial(), context)
        try:
            wire.handshake()
            wire.start()
        except (ssl.SSLError, OSError):
            continue
        assert wire.linger(3), f"{name}: still open"
        assert not wire.frames, f"{name}: got {wire.frames[0]}"
    victim.still_serves()
