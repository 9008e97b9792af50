# SPDX-License-Identifier: Apache-2.0
"""Our client, and a server spelled by hand: what exactly is on the wire, and what one event on it does to the app.

Each test also runs with Envoy in our place. That shows that the test is right where Envoy behaves, and what the peers
of today do where it does not; there the outcome is a remark.
"""

import socket
import time

from frames import (DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, MAX_CONCURRENT_STREAMS, RST_STREAM, STATUS_200,
                    Wire, data, frame, goaway, headers, literal, reset, summary, tls_context)
from scene import case
from traffic import Pattern, abort, dial, ending, exactly, expect_end

BOTH = ("ours", "envoy")
CODES = ("CONNECT_ERROR", "INTERNAL_ERROR", "CANCEL", "STREAM_CLOSED", "PROTOCOL_ERROR", "REFUSED_STREAM")


class HandServer:
    """A tunnel server whose every frame the test writes, and a client proxy in front of it."""

    def __init__(self, scene, kind, values=()):
        self.identity, self.values = scene.identities["server"], values
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(5)
        self.proxy, port = scene.client(kind, self.listener.getsockname()[1], "127.0.0.1:9999")
        self.address = ("127.0.0.1", port)

    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except TimeoutError:
            raise AssertionError("the client opened no further tunnel") from None
        wire = Wire(connection, tls_context(self.identity, server=True), server=True)
        wire.handshake()
        wire.start(self.values)
        return wire

    def stream(self, wire=None):
        """An application connection with its open stream: (application, wire, stream)."""
        application = dial(self.address)
        application.sendall(b"?")  # Envoy opens the stream only when there is something to say.
        wire = wire or self.accept()
        stream = wire.expect(is_a(HEADERS)).stream
        wire.send(frame(HEADERS, END_HEADERS, stream, STATUS_200))
        wire.expect(lambda seen: seen.kind == DATA and seen.stream == stream and seen.payload == b"?")
        return application, wire, stream


def is_a(*kinds):
    return lambda seen: seen.kind in kinds


def want(kind, condition, complaint):
    """An assertion on ours; Envoy's departures are told by the remarks."""
    assert condition or kind != "ours", complaint


@case(pairings=BOTH)
def client_tells_reset(scene, kind):
    """The application's RST becomes RST_STREAM, with a code that says it was no end."""
    application, wire, _ = HandServer(scene, kind).stream()
    abort(application)
    seen = wire.expect(lambda seen: seen.kind == RST_STREAM or seen.flags & END_STREAM and seen.kind == DATA)
    scene.note(str(seen))
    want(kind, seen.kind == RST_STREAM and seen.code != "NO_ERROR", f"the wire showed {seen}")


@case(pairings=BOTH)
def client_tells_end(scene, kind):
    """The application's FIN becomes END_STREAM, and the other half stays open."""
    application, wire, stream = HandServer(scene, kind).stream()
    application.sendall(b"last")
    application.shutdown(socket.SHUT_WR)
    content = b""
    while True:
        seen = wire.expect(is_a(DATA, RST_STREAM))
        assert seen.kind == DATA, f"the wire showed {seen}"
        content += seen.payload
        if seen.flags & END_STREAM:
            break
    assert content == b"last", content
    wire.send(data(stream, b"answer", END_STREAM))
    assert exactly(application, 6) == b"answer"
    expect_end(application)
    wire.linger(0.3)
    assert not [seen for seen in wire.frames if seen.kind in (RST_STREAM, GOAWAY)], summary(wire.frames)


@case(pairings=BOTH)
def client_hears_reset(scene, kind):
    """RST_STREAM of any code but NO_ERROR reaches the application as a reset."""
    outcomes = {}
    server, wire = HandServer(scene, kind), None
    for code in (*CODES, "NO_ERROR"):
        application, wire, stream = server.stream(wire)
        wire.send(data(stream, b"partial") + reset(stream, code))
        outcomes[code] = ending(application)[0]
    scene.note(", ".join(f"{code}: {how}" for code, how in outcomes.items()))
    wrong = [code for code in CODES if outcomes[code] != "reset"]
    want(kind, not wrong, f"not a reset to the application: {wrong}")


@case(pairings=BOTH)
def client_hears_end_before_reset(scene, kind):
    """END_STREAM and then RST_STREAM NO_ERROR (as Envoy's server says): everything arrives, then a clean end."""
    application, wire, stream = HandServer(scene, kind).stream()
    application.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
    # As much as one window allows, so that the client must still hold some when the reset comes.
    content = bytes(Pattern(5, 4 << 20).numbered(0))[:min(wire.initial_window, wire.granted[0])]
    wire.send_content(stream, content)
    wire.send(data(stream, b"", END_STREAM) + reset(stream, "NO_ERROR"))
    time.sleep(0.3)  # The application reads late: what it has not taken yet waits in the client.
    got = bytearray()
    try:
        while received := application.recv(1 << 16):
            got += received
        how = "end"
    except ConnectionResetError:
        how = "reset"
    scene.note(f"{len(got)} bytes, then {how}")
    want(kind, got == content and how == "end", f"the application got {len(got)} of {len(content)} bytes, then {how}")


@case(pairings=BOTH)
def client_loses_tunnel(scene, kind):
    """The tunnel goes in any manner: its applications see a reset."""
    ways = {
        "FIN": lambda wire, stream: wire.close(),
        "RST": lambda wire, stream: abort(wire.socket),
        "GOAWAY, FIN": lambda wire, stream: (wire.send(goaway(stream)), wire.close()),
        "GOAWAY INTERNAL_ERROR, FIN": lambda wire, stream: (wire.send(goaway(0, "INTERNAL_ERROR")), wire.close()),
        "garbage": lambda wire, stream: wire.send_raw(b"\0" * 64),
    }
    outcomes = {}
    for name, lose in ways.items():
        server = HandServer(scene, kind)
        application, wire, stream = server.stream()
        wire.send(data(stream, b"partial"))
        lose(wire, stream)
        outcomes[name] = ending(application)[0]
        scene.stage.stop(server.proxy)
    scene.note(", ".join(f"{name}: {how}" for name, how in outcomes.items()))
    wrong = [name for name, how in outcomes.items() if how != "reset"]
    want(kind, not wrong, f"not a reset to the application after: {wrong}")


@case(pairings=BOTH)
def client_heeds_goaway(scene, kind):
    """After GOAWAY the running stream goes on both ways, and the next one makes a tunnel of its own."""
    server = HandServer(scene, kind)
    old, old_wire, old_stream = server.stream()
    old_wire.send(goaway(old_stream))
    time.sleep(0.2)
    young, young_wire, young_stream = server.stream()
    for application, wire, stream in ((old, old_wire, old_stream), (young, young_wire, young_stream)):
        application.sendall(b"up")
        assert wire.expect(lambda seen: seen.kind == DATA and seen.payload).payload == b"up"
        wire.send(data(stream, b"down", END_STREAM))
        assert exactly(application, 4) == b"down"
        application.shutdown(socket.SHUT_WR)
        expect_end(application)
    how = old_wire.linger(3)
    scene.note(f"the old tunnel afterwards: {how or 'still open'}")
    want(kind, how, "the old tunnel stays although its last stream has ended")


@case(pairings=BOTH)
def client_moves_unprocessed(scene, kind):
    """A stream above GOAWAY's last id was not touched: it may move to a new tunnel or be reset, never just end."""
    server = HandServer(scene, kind)
    _, wire, stream = server.stream()
    application = dial(server.address)
    application.sendall(b"unheard")
    wire.expect(is_a(HEADERS))
    wire.send(goaway(stream))
    try:
        moved = server.accept()
    except AssertionError:
        how = ending(application, 3)[0]
        scene.note(f"not moved: {how}")
        want(kind, how == "reset", f"not moved, and the application saw {how}")
        return
    scene.note("moved")
    again = moved.expect(is_a(HEADERS)).stream
    moved.send(frame(HEADERS, END_HEADERS, again, STATUS_200))
    assert moved.expect(lambda seen: seen.kind == DATA and seen.payload).payload == b"unheard"


@case(pairings=BOTH)
def client_keeps_stream_limit(scene, kind):
    """A server that allows one stream gets one; the second application is served by a second tunnel."""
    server = HandServer(scene, kind, [(MAX_CONCURRENT_STREAMS, 1)])
    first, wire, stream = server.stream()
    second, other_wire, other_stream = server.stream()
    wire.linger(0.2)
    assert not [seen for seen in wire.frames if seen.kind == HEADERS], "two streams where one is allowed"
    for application, its_wire, its_stream in ((first, wire, stream), (second, other_wire, other_stream)):
        its_wire.send(data(its_stream, b"both"))
        assert exactly(application, 4) == b"both"


@case(pairings=BOTH)
def client_is_refused(scene, kind):
    """Any status but 200: not a byte, and no clean end, for the application."""
    outcomes = {}
    for status in (b"400", b"401", b"403", b"503", b"101"):
        server = HandServer(scene, kind)
        application = dial(server.address)
        application.sendall(b"secret")
        wire = server.accept()
        stream = wire.expect(is_a(HEADERS)).stream
        wire.send(headers(stream, literal(8, status), END_HEADERS | END_STREAM))
        how, count = ending(application, 5)
        wire.linger(0.2)
        leaked = sum(len(seen.payload) for seen in wire.frames if seen.kind == DATA)
        outcomes[status.decode()] = f"{how} after {count} bytes, {leaked} leaked" if count or leaked else how
        scene.stage.stop(server.proxy)
    scene.note(", ".join(f"{status}: {how}" for status, how in outcomes.items()))
    wrong = [status for status, how in outcomes.items() if how != "reset"]
    want(kind, not wrong, f"not a reset to the application: {wrong}")
