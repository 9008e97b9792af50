# SPDX-License-Identifier: Apache-2.0
"""Our server, and a client spelled by hand: what exactly is on the wire, and what one event on it does to the origin.

As in interop_wire_client.py, Envoy takes our place once for each test; what it does differently is a remark.
"""

import struct
import time

from frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADER_TABLE_SIZE, HEADERS,
                    INITIAL_WINDOW_SIZE, PADDED, PING, PRIORITY, RST_STREAM, STATUS_200, WITH_PRIORITY, connect,
                    connect_block, data, frame, goaway, headers, literal, open_stream, reset, window_update)
from scene import case
from traffic import Origin, abort, echo, ending, exactly

BOTH = ("ours", "envoy")
CODES = ("CONNECT_ERROR", "INTERNAL_ERROR", "CANCEL", "STREAM_CLOSED", "PROTOCOL_ERROR")


class HandClient:
    """A server proxy before an origin, and connections to it whose every frame the test writes."""

    def __init__(self, scene, kind, serve, extra=()):
        self.identity, self.origin = scene.identities["client"], Origin(serve)
        port, = scene.stage.ports(1)
        self.proxy = scene.our_server(port, extra) if kind == "ours" else scene.envoy_server(port, self.origin)

    def connect(self, values=()):
        return connect(self.proxy.address, self.identity, values)

    def stream(self, values=(), authority=None):
        wire = self.connect(values)
        open_stream(wire, 1, authority or self.origin.authority)
        return wire


def want(kind, condition, complaint):
    """An assertion on ours; Envoy's departures are told by the remarks."""
    assert condition or kind != "ours", complaint


def collect(wire, stream):
    """The content of a stream up to its end: (bytes, the frame that ended it)."""
    content = b""

    def is_of_stream(seen):
        return seen.kind == GOAWAY or seen.stream == stream and seen.kind in (DATA, RST_STREAM)

    while True:
        seen = wire.expect(is_of_stream)
        if seen.kind != DATA:
            return content, seen
        content += seen.payload
        if seen.flags & END_STREAM:
            return content, seen


@case(pairings=BOTH)
def server_tells_reset(scene, kind):
    """The origin's RST becomes RST_STREAM, with a code that says it was no end."""
    def serve(connection):
        exactly(connection, 1)
        connection.sendall(b"partial")
        abort(connection)

    wire = HandClient(scene, kind, serve).stream()
    wire.send(data(1, b"?"))
    content, last = collect(wire, 1)
    scene.note(f"{len(content)} bytes, then {last}")
    want(kind, last.kind == RST_STREAM and last.code != "NO_ERROR", f"the wire showed {last}")


@case(pairings=BOTH)
def server_hears_reset(scene, kind):
    """RST_STREAM of any code but NO_ERROR reaches the origin as a reset."""
    outcomes = {}

    def serve(connection):
        code = exactly(connection, 20).decode().strip()
        outcomes[code] = ending(connection)[0]

    client = HandClient(scene, kind, serve)
    for code in (*CODES, "NO_ERROR"):
        wire = client.stream()
        wire.send(data(1, code.ljust(20).encode()))
        wire.linger(0.1)  # A reset may overtake what is in its own batch, as it does in TCP.
        wire.send(reset(1, code))
        wire.linger(0.1)
    client.origin.finish()
    scene.note(", ".join(f"{code}: {how}" for code, how in outcomes.items()))
    wrong = [code for code in CODES if outcomes.get(code) != "reset"]
    want(kind, not wrong, f"not a reset to the origin: {wrong}")


@case(pairings=BOTH)
def server_loses_tunnel(scene, kind):
    """The tunnel goes in any manner: the origin sees a reset."""
    ways = {
        "FIN": lambda wire: wire.close(),
        "RST": lambda wire: abort(wire.socket),
        "GOAWAY, FIN": lambda wire: (wire.send(goaway(0)), wire.close()),
        "garbage": lambda wire: wire.send_raw(b"\0" * 64),
    }
    outcomes = {}

    def serve(connection):
        name = exactly(connection, 20).decode().strip()
        outcomes[name] = ending(connection)[0]

    client = HandClient(scene, kind, serve)
    for name, lose in ways.items():
        wire = client.stream()
        wire.send(data(1, name.ljust(20).encode()))
        wire.linger(0.1)
        lose(wire)
    client.origin.finish()
    scene.note(", ".join(f"{name}: {how}" for name, how in outcomes.items()))
    wrong = [name for name in ways if outcomes.get(name) != "reset"]
    want(kind, not wrong, f"not a reset to the origin after: {wrong}")


@case(pairings=BOTH)
def server_heeds_goaway(scene, kind):
    """A client's GOAWAY announces the end of new streams, not of those that run."""
    wire = HandClient(scene, kind, echo).stream()
    wire.send(goaway(0))
    time.sleep(0.2)
    wire.send(data(1, b"still here", END_STREAM))
    content, last = collect(wire, 1)
    scene.note(f"{len(content)} bytes, then {last}")
    want(kind, content == b"still here" and last.flags & END_STREAM, f"{content!r}, then {last}")


@case(pairings=BOTH)
def server_keeps_window(scene, kind):
    """Ten bytes of window are ten bytes of DATA, then silence until more is granted."""
    def serve(connection):
        exactly(connection, 1)
        connection.sendall(bytes(range(100)))
        ending(connection)

    wire = HandClient(scene, kind, serve).stream([(INITIAL_WINDOW_SIZE, 10)])
    wire.send(data(1, b"?"))
    wire.linger(0.5)
    content = b"".join(seen.payload for seen in wire.frames if seen.kind == DATA)
    assert content == bytes(range(10)), f"{len(content)} bytes came where the window is 10"
    wire.frames.clear()
    wire.send(window_update(1, 1000) + data(1, b"", END_STREAM))
    rest, _ = collect(wire, 1)
    assert content + rest == bytes(range(100)), f"{len(content + rest)} of 100 bytes came"


@case(pairings=BOTH)
def server_takes_odd_frames(scene, kind):
    """Padding, priorities, split header blocks, frames of unknown kind and PING between them are all legal."""
    client = HandClient(scene, kind, echo)
    wire = client.connect()
    block = connect_block(client.origin.authority)
    priority = struct.pack("!IB", 0, 15)
    wire.send(frame(0xFA, 0x55, 0, b"unknown"))
    wire.send(frame(HEADERS, PADDED | WITH_PRIORITY, 1, b"\x03" + priority + block[:5] + b"\0\0\0"))
    wire.send(frame(CONTINUATION, 0, 1, block[5:9]) + frame(CONTINUATION, END_HEADERS, 1, block[9:]))
    wire.send(frame(0xFB, 0, 1, b"unknown") + frame(PRIORITY, 0, 1, priority) + frame(PING, 0, 0, b"12345678"))
    answer = wire.expect(lambda seen: seen.kind == HEADERS and seen.stream == 1)
    assert STATUS_200 in answer.payload[:2], answer.payload.hex()
    wire.send(frame(DATA, PADDED, 1, b"\x04body\0\0\0\0") + frame(DATA, PADDED | END_STREAM, 1, b"\x01!\0"))
    content, last = collect(wire, 1)
    assert content == b"body!" and last.flags & END_STREAM, f"{content!r}, then {last}"


@case(pairings=BOTH)
def server_answers_ping(scene, kind):
    wire = HandClient(scene, kind, echo).connect()
    wire.send(frame(PING, 0, 0, b"abcdefgh"))
    answer = wire.expect(lambda seen: seen.kind == PING)
    assert answer.flags & ACK and answer.payload == b"abcdefgh", str(answer)


@case()
def server_refuses_what_is_no_tunnel(scene):
    """A closed origin is 503, a bad authority 400, another method 4xx; the connection and other streams live on."""
    client = HandClient(scene, "ours", echo)
    gone, = scene.stage.ports(1)
    # Without a dynamic table every answer spells its status out, or names an entry of the static table.
    wire = client.stream([(HEADER_TABLE_SIZE, 0)])
    get = b"\x82\x86\x84" + literal(1, b"x")
    requests = {
        "closed port": (connect_block(f"127.0.0.1:{gone}"), ("503",)),
        "no port": (connect_block("127.0.0.1"), ("400", "RST_STREAM")),
        "port 0": (connect_block("127.0.0.1:0"), ("400", "503", "RST_STREAM")),
        "port 65536": (connect_block("127.0.0.1:65536"), ("400", "RST_STREAM")),
        "empty": (connect_block(""), ("400", "RST_STREAM")),
        "space": (connect_block("127.0.0.1: 80"), ("400", "RST_STREAM")),
        "GET": (get, ("400", "404", "405")),
        "no authority": (literal(2, b"CONNECT"), ("400", "RST_STREAM")),
        "CONNECT with path": (connect_block("127.0.0.1:80") + literal(4, b"/"), ("400", "RST_STREAM")),
        "upper-case name": (connect_block(f"127.0.0.1:{gone}") + literal(b"Upper", b"x"), ("400", "RST_STREAM")),
    }
    answers = {}
    for stream, (name, (block, _)) in enumerate(requests.items(), 1):
        wire.send(headers(2 * stream + 1, block))
        seen = wire.expect(lambda seen: seen.stream == 2 * stream + 1 and seen.kind in (HEADERS, RST_STREAM))
        answers[name] = status(seen.payload) if seen.kind == HEADERS else "RST_STREAM"
    scene.note(", ".join(f"{name}: {answer}" for name, answer in answers.items()))
    wrong = {name: answers[name] for name, (_, allowed) in requests.items() if answers[name] not in allowed}
    assert not wrong, f"unexpected answers: {wrong}"
    wire.send(data(1, b"alive", END_STREAM))
    assert collect(wire, 1)[0] == b"alive"


@case()
def server_forgets_what_it_refused(scene):
    """A refused request whose content goes on is told to stop: or each would keep a stream and its window for ever."""
    wire = HandClient(scene, "ours", echo).connect()
    post = b"\x83\x84\x87" + literal(1, b"x")
    for stream in range(1, 800, 2):
        wire.send(headers(stream, post) + data(stream, b"x"))
        answer = wire.expect(lambda seen: seen.kind in (HEADERS, GOAWAY))
        assert answer.kind == HEADERS, f"request {stream // 2 + 1}: {answer}"
        told = wire.expect(lambda seen: seen.stream == stream and seen.kind == RST_STREAM, 3)
        assert told.code == "NO_ERROR", str(told)


def status(block):
    """`:status` is the first field of an answer: indexed, or a literal with name index 8 to 14."""
    while block and block[0] & 0xE0 == 0x20:
        block = block[1:]  # Changes of the dynamic table's size.
    indexed = {0x88: "200", 0x89: "204", 0x8A: "206", 0x8B: "304", 0x8C: "400", 0x8D: "404", 0x8E: "500"}
    if block[0] in indexed:
        return indexed[block[0]]
    if block[1] & 0x80:
        return digits(block[2:2 + (block[1] & 0x7F)])
    return block[2:2 + block[1]].decode()


def digits(packed):
    """Three Huffman-coded digits: "0", "1" and "2" have five bits, the others six (RFC 7541, appendix B)."""
    bits, text = "".join(f"{byte:08b}" for byte in packed), ""
    while len(text) < 3:
        if int(bits[:5], 2) < 3:
            text, bits = text + str(int(bits[:5], 2)), bits[5:]
        else:
            text, bits = text + str(int(bits[:6], 2) - 0b011001 + 3), bits[6:]
    return text
