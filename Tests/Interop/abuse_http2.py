# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 floods against our server, end to end over TLS, from a peer whose certificate is good.

Every flood is bounded in frames and time. It must end with GOAWAY ENHANCE_YOUR_CALM or PROTOCOL_ERROR, with a counter
that names it, in bounded memory, and without harm to another tunnel of the same server.
"""

import struct
import time
from dataclasses import dataclass, field

from abuse_handshake import Victim
from frames import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, PRIORITY,
                    RST_STREAM, connect, connect_block, data, frame, headers, literal, open_stream, reset,
                    settings, summary, window_update)
from scene import case
from traffic import Origin, Pattern, ending, exactly

FLOOD_MEMORY = 8 << 20
CODES = ("ENHANCE_YOUR_CALM", "PROTOCOL_ERROR")
# Flood -> the counters of which at least one must rise.
COUNTERS = {
    "rapid reset": ["h2_reset_flood"],
    "made you reset": ["h2_invalid_frame_flood", "h2_protocol_errors", "h2_flow_control_errors"],
    "continuation flood": ["h2_continuation_flood", "h2_headers_too_large"],
    "settings flood": ["h2_idle_frame_flood", "h2_outbound_flood"],
    "ping flood": ["h2_idle_frame_flood", "h2_outbound_flood"],
    "priority flood": ["h2_idle_frame_flood"],
    "window-update flood": ["h2_window_update_flood"],
    "empty data flood": ["h2_empty_frame_flood"],
    "header list": ["h2_headers_too_large"],
}


@dataclass
class Outcome:
    frames: list = field(default_factory=list)
    ending: str = ""
    sent: int = 0
    total: int = 0
    grown: int = 0

    def __str__(self):
        return (f"sent {self.sent} of {self.total} chunks, connection {self.ending or 'still open'}, "
                f"memory +{self.grown >> 10} KiB, saw {summary(self.frames)}")


def flood(victim, chunks, wire=None, reading=True, seconds=10):
    """Sends the chunks until the server has had enough, then listens. `reading=False`: never reads until the end."""
    wire = wire or connect(victim.address, victim.identity)
    wire.reading = wire.acknowledging = reading
    outcome, before = Outcome(total=len(chunks)), victim.server.rss_anon_bytes()
    deadline = time.monotonic() + seconds
    for index, chunk in enumerate(chunks):
        if time.monotonic() > deadline or not wire.send(chunk, seconds=1):
            break
        outcome.sent += 1
        wire.linger(0)
        if index % 8 == 0:
            victim.good.check("during the flood")
            outcome.grown = max(outcome.grown, victim.server.rss_anon_bytes() - before)
    outcome.grown = max(outcome.grown, victim.server.rss_anon_bytes() - before)
    wire.reading = True
    outcome.ending = wire.linger(4)
    outcome.frames = wire.frames
    wire.close()
    return outcome


def judge(victim, name, outcome, codes=CODES):
    victim.scene.note(str(outcome))
    state = f"{outcome}; counters that rose: {victim.changes()}"
    farewells = [seen.code for seen in outcome.frames if seen.kind == GOAWAY]
    assert outcome.ending, f"{name}: the connection was not ended; {state}"
    assert farewells, f"{name}: ended without GOAWAY; {state}"
    assert farewells[-1] in codes, f"{name}: GOAWAY {farewells[-1]}; {state}"
    assert outcome.grown <= FLOOD_MEMORY, f"{name}: memory; {state}"
    judge_counter(victim, name)
    victim.still_serves()


def judge_counter(victim, name):
    wanted, risen = COUNTERS[name], victim.changes()
    assert any(counter in risen for counter in wanted), f"{name}: none of {wanted} rose, but {risen}"


def repeated(piece, count, per_chunk=100):
    return [piece * per_chunk] * (count // per_chunk)


def streams(count, build, per_chunk=50):
    """Chunks of what `build` says for each new stream id."""
    ids = [2 * number + 3 for number in range(count)]
    return [b"".join(map(build, ids[at:at + per_chunk])) for at in range(0, count, per_chunk)]


@case()
def rapid_reset(scene):
    """CVE-2023-44487: open and reset, ten thousand times, without ever exceeding the stream limit."""
    victim = Victim(scene)
    block = connect_block(victim.origin.authority)
    outcome = flood(victim, streams(10_000, lambda stream: headers(stream, block) + reset(stream)))
    scene.note(f"{victim.origin.accepted} reached the origin")
    judge(victim, "rapid reset", outcome)


PROVOCATIONS = {
    "window-zero": lambda stream: window_update(stream, 0),
    "window-overflow": lambda stream: window_update(stream, 0x7FFFFFFF) * 2,
    "priority-on-itself": lambda stream: frame(PRIORITY, 0, stream, struct.pack("!IB", stream, 1)),
    "data-after-end": lambda stream: data(stream, b"", END_STREAM) + data(stream, b"x"),
}


@case(pairings=tuple(PROVOCATIONS))
def made_you_reset(scene, provocation):
    """CVE-2025-8671: frames that make the server reset the stream by itself, four thousand times."""
    victim = Victim(scene)
    block, provoke = connect_block(victim.origin.authority), PROVOCATIONS[provocation]
    outcome = flood(victim, streams(4000, lambda stream: headers(stream, block) + provoke(stream)))
    scene.note(f"{victim.origin.accepted} reached the origin")
    judge(victim, "made you reset", outcome, (*CODES, "STREAM_CLOSED", "FLOW_CONTROL_ERROR"))


@case(pairings=("full", "empty", "small"))
def continuation_flood(scene, size):
    """A header block that never ends, of full frames, of empty ones, and of small ones below every size limit."""
    victim = Victim(scene)
    piece = {"full": literal(b"a" * 100, b"b" * 900) * 15, "empty": b"", "small": literal(b"a", b"b")}[size]
    wire = connect(victim.address, victim.identity)
    wire.send(headers(1, connect_block(victim.origin.authority), 0))
    outcome = flood(victim, repeated(frame(CONTINUATION, 0, 1, piece), 5000, 10), wire)
    judge(victim, "continuation flood", outcome, (*CODES, "COMPRESSION_ERROR"))


FLOODS = {
    "settings": settings(),
    "ping": frame(PING, 0, 0, b"12345678"),
    "priority": frame(PRIORITY, 0, 0x7FFFFFFF, struct.pack("!IB", 0, 1)),
    "window-update": window_update(0, 1),
}


@case(pairings=tuple(FLOODS))
def control_flood(scene, kind):
    """CVE-2019-9511 and its kin: a hundred thousand control frames, the answers never read."""
    victim = Victim(scene)
    judge(victim, f"{kind} flood", flood(victim, repeated(FLOODS[kind], 100_000, 1000), reading=False))


@case(pairings=("ping", "settings"))
def control_flood_read(scene, kind):
    """The same from a peer that reads every answer, so that no queue grows: it costs time only, and is ended too."""
    victim = Victim(scene)
    judge(victim, f"{kind} flood", flood(victim, repeated(FLOODS[kind], 100_000, 200)))


@case()
def priority_on_many_streams(scene):
    """PRIORITY for fifty thousand idle streams: a dependency tree must not grow with them."""
    victim = Victim(scene)
    outcome = flood(victim, streams(50_000, lambda id: frame(PRIORITY, 0, id, struct.pack("!IB", id - 2, 1)), 1000))
    judge(victim, "priority flood", outcome)


@case()
def window_update_on_stream(scene):
    """Credit for a stream, a byte at a time, a hundred thousand times, for nothing that was sent."""
    victim = Victim(scene)
    wire = connect(victim.address, victim.identity)
    open_stream(wire, 1, victim.origin.authority)
    judge(victim, "window-update flood", flood(victim, repeated(window_update(1, 1), 100_000, 1000), wire))


@case()
def empty_data_flood(scene):
    """CVE-2019-9518: DATA without content and without end."""
    victim = Victim(scene)
    wire = connect(victim.address, victim.identity)
    open_stream(wire, 1, victim.origin.authority)
    judge(victim, "empty data flood", flood(victim, repeated(data(1, b""), 50_000, 500), wire))


@case()
def padding_only_data_flood(scene):
    """The same in disguise: frames of nothing but padding."""
    victim = Victim(scene)
    wire = connect(victim.address, victim.identity)
    open_stream(wire, 1, victim.origin.authority)
    padding = frame(DATA, 0x8, 1, b"\x04\0\0\0\0")
    # 5 bytes of flow control each: stay within the 65,535 every server grants.
    judge(victim, "empty data flood", flood(victim, repeated(padding, 12_000, 500), wire))


@case()
def header_list_too_big(scene):
    """96 KiB of headers in a legal block, and 40 MB out of 14 KB by reference to the table: refused, not dialled."""
    victim = Victim(scene)
    accepted = victim.origin.accepted
    block = connect_block(victim.origin.authority)
    big = b"".join(literal(b"x-%d" % number, b"v" * 1000) for number in range(96))
    bomb = b"\x40" + literal(b"x-bomb", b"v" * 4000)[1:] + b"\xbe" * 10_000
    answers = {}
    for name, rest in (("big", big), ("bomb", bomb)):
        wire = connect(victim.address, victim.identity)
        before = victim.server.rss_anon_bytes()
        content = block + rest
        pieces = [content[at:at + 16_000] for at in range(0, len(content), 16_000)]
        frames = [frame(CONTINUATION, 0, 1, piece) for piece in pieces[1:]]
        flags = 0 if frames else END_HEADERS
        wire.send(headers(1, pieces[0], flags) + b"".join(frames[:-1]))
        if frames:
            wire.send(frame(CONTINUATION, END_HEADERS, 1, pieces[-1]))
        answers[name] = wire.expect(lambda seen: seen.kind in (HEADERS, RST_STREAM, GOAWAY))
        grown = victim.server.rss_anon_bytes() - before
        assert grown < FLOOD_MEMORY, f"{name}: memory grew by {grown}"
        assert answers[name].payload[:1] != b"\x88", f"{name}: answered 200"
    scene.note(", ".join(f"{name}: {answer}" for name, answer in answers.items()))
    assert victim.origin.accepted == accepted, "a request with too many headers was dialled"
    judge_counter(victim, "header list")
    victim.still_serves()


@case()
def too_many_streams(scene):
    """A thousand CONNECTs where 200 are announced: refused one by one, or all together with the connection."""
    victim = Victim(scene)
    wire = connect(victim.address, victim.identity)
    wire.linger(0.2)
    for chunk in streams(1000, lambda stream: headers(stream, connect_block(victim.origin.authority))):
        wire.send(chunk)
    wire.linger(2)
    opened = sum(1 for seen in wire.frames if seen.kind == HEADERS)
    refused = sum(1 for seen in wire.frames if seen.kind == RST_STREAM)
    farewell = [str(seen) for seen in wire.frames if seen.kind == GOAWAY]
    scene.note(f"{opened} opened, {refused} refused, {wire.ending or 'open'} {farewell}")
    assert opened <= 200, f"{opened} streams opened on one connection"
    assert refused or wire.ending, f"neither refused nor ended: {opened} opened; saw {farewell}; {victim.changes()}"
    wire.close()
    victim.still_serves()


STREAMS, PER_STREAM, SLACK = 100, 64 << 10, 8 << 20


def firehose(connection):
    exactly(connection, 1)
    try:
        Pattern(9).send(connection, 64 << 20)
    except OSError:
        pass


def thirsty(victim, values, credit):
    """A hundred streams of origins that never stop sending, to a peer that takes nothing: growth of the server."""
    origin = Origin(firehose)
    wire = connect(victim.address, victim.identity, values)
    wire.send(window_update(0, credit))
    for stream in range(1, 2 * STREAMS, 2):
        open_stream(wire, stream, origin.authority)
    before = victim.server.rss_anon_bytes()
    wire.reading = False
    for stream in range(1, 2 * STREAMS, 2):
        wire.send(data(stream, b"?"))
    peak, deadline = 0, time.monotonic() + 3
    while time.monotonic() < deadline:
        peak = max(peak, victim.server.rss_anon_bytes() - before)
        victim.good.check("beside a reader that takes nothing")
        time.sleep(0.05)
    victim.scene.note(f"memory +{peak >> 10} KiB for {STREAMS} streams")
    return wire, peak


@case()
def zero_window_reader(scene):
    """INITIAL_WINDOW_SIZE 0 and never any credit: what the origins say stays with the origins."""
    victim = Victim(scene)
    wire, peak = thirsty(victim, [(INITIAL_WINDOW_SIZE, 0)], 1 << 24)
    assert peak <= STREAMS * PER_STREAM + SLACK, f"memory grew by {peak} bytes for {STREAMS} stalled streams"
    wire.reading = True
    wire.linger(0.5)
    assert not [seen for seen in wire.frames if seen.kind == DATA and seen.payload], "DATA beyond the window"
    wire.close()
    victim.still_serves()


@case()
def reader_that_stops(scene):
    """All the credit in the world, and then the socket is not read: one connection's output must have a limit."""
    victim = Victim(scene)
    wire, peak = thirsty(victim, [(INITIAL_WINDOW_SIZE, 0x7FFFFFFF)], 0x7FFF0000)
    assert peak <= STREAMS * PER_STREAM + SLACK, f"memory grew by {peak} bytes for {STREAMS} streams"
    wire.close()
    victim.still_serves()


@case()
def window_in_drips(scene):
    """Credit one byte at a time: correct, and in bounded memory, however little it is."""
    def serve(connection):
        exactly(connection, 1)
        connection.sendall(bytes(range(200)) * 5)
        ending(connection)

    victim = Victim(scene)
    origin = Origin(serve)
    wire = connect(victim.address, victim.identity, [(INITIAL_WINDOW_SIZE, 0)])
    open_stream(wire, 1, origin.authority)
    wire.send(data(1, b"?"))
    got = b""
    while len(got) < 200:
        wire.send(window_update(1, 1))
        got += wire.expect(lambda seen: seen.kind == DATA and seen.payload).payload
    assert got == bytes(range(200)), f"{got[:20]!r}"
    victim.still_serves()
