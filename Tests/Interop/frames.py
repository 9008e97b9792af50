# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 over mutual TLS, spelled by hand: one end of a tunnel that can also say what no library would.

    wire = connect(address, identity)             # TLS, then preface and SETTINGS
    wire.send(headers(1, connect_block(authority)))
    frame = wire.expect(lambda frame: frame.kind == HEADERS)

The TLS object sits on memory BIOs over a non-blocking socket, so that one thread can write a flood and still see the
answer; `reading = False` makes a peer that never reads.
"""

import errno
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
KINDS = "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION".split()
CODES = ("NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR "
         "REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY "
         "HTTP_1_1_REQUIRED").split()
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PADDED, WITH_PRIORITY = 0x8, 0x20
HEADER_TABLE_SIZE, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 3, 4
STATUS_200 = b"\x88"  # RFC 7541 appendix A, entry 8.


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self):
        """The error code of RST_STREAM and GOAWAY, by name."""
        offset = 4 if self.kind == GOAWAY else 0
        number = struct.unpack_from("!I", self.payload, offset)[0]
        return CODES[number] if number < len(CODES) else hex(number)

    def __str__(self):
        name = KINDS[self.kind] if self.kind < len(KINDS) else hex(self.kind)
        code = f" {self.code}" if self.kind in (RST_STREAM, GOAWAY) else ""
        code += f" {self.payload[8:].decode(errors='replace')!r}" if self.kind == GOAWAY and self.payload[8:] else ""
        return f"{name}{code} stream={self.stream} flags={self.flags:#x} length={len(self.payload)}"


class Timeout(AssertionError):
    """What was waited for did not come."""


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack("!IBI", len(payload) << 8 | kind, flags, stream) + payload


def settings(values=()):
    return frame(SETTINGS, payload=b"".join(struct.pack("!HI", name, value) for name, value in values))


def headers(stream, block, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def data(stream, payload, flags=0):
    return frame(DATA, flags, stream, payload)


def reset(stream, code="CANCEL"):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", CODES.index(code)))


def goaway(last, code="NO_ERROR"):
    return frame(GOAWAY, 0, 0, struct.pack("!II", last, CODES.index(code)))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", increment))


def literal(name, value):
    """A header field never put into the dynamic table (RFC 7541, 6.2.2); a small name index stands for known names."""
    name = bytes([name]) if isinstance(name, int) else b"\x00" + _hpack_string(name)
    return name + _hpack_string(value)


def connect_block(authority):
    """The header block of a CONNECT: `:method` is entry 2 of the static table, `:authority` entry 1."""
    return literal(2, b"CONNECT") + literal(1, authority.encode())


def _hpack_string(value):
    size, length = len(value), b""
    if size < 127:
        return bytes([size]) + value
    size -= 127
    while size >= 128:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return b"\x7f" + length + bytes([size]) + value


def tls_context(identity, server=False, verify=True):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # Identities are URI names; there is no host name to compare.
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.load_verify_locations(identity.roots)
    context.set_alpn_protocols(["h2"])
    if identity.chain:
        context.load_cert_chain(identity.chain, identity.key)
    return context


class Wire:
    """One TLS connection and its frames. `ending` is None, "end" (FIN) or "reset" (RST), `alert` the TLS alert."""

    def __init__(self, connection, context, server=False):
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.server = connection, server
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server)
        self.unsent, self.unparsed = bytearray(), bytearray()
        self.frames, self.ending, self.alert = [], None, None
        self.reading, self.acknowledging = True, True
        self.is_open, self.owed = False, b""
        # Flow control of what we send: the peer's grants by stream (0: the connection), and what we have used.
        self.initial_window, self.granted, self.used = 65535, {0: 65535}, {}

    def handshake(self, seconds=5):
        deadline = time.monotonic() + seconds
        while not self.is_open:
            try:
                self.tls.do_handshake()
                self.is_open = True
            except ssl.SSLWantReadError:
                pass
            self._collect()
            if not self.is_open or self.unsent:
                self._step(deadline)
            if self.ending and not self.is_open:
                raise ConnectionResetError(f"connection {self.ending} in the handshake")
            if time.monotonic() > deadline:
                raise Timeout("TLS handshake")

    def start(self, values=()):
        """Preface (of a client) and SETTINGS."""
        first = (b"" if self.server else PREFACE) + settings(values) + (self.owed or b"")
        self.owed = None
        self.send(first)

    def send(self, plaintext, seconds=5):
        """Encrypts and writes out. False when the peer has gone or does not take it in time."""
        for start in range(0, len(plaintext), 1 << 18):
            if self.ending:
                return False
            if not self._encrypt(plaintext[start:start + (1 << 18)]) or not self.flush(seconds):
                return False
        return True

    def send_content(self, stream, content, seconds=5):
        """DATA within the peer's windows; waits for credit."""
        deadline, position = time.monotonic() + seconds, 0
        while position < len(content):
            room = min(self.granted[0] - self.used.get(0, 0),
                       self.initial_window + self.granted.get(stream, 0) - self.used.get(stream, 0), 16384)
            if room > 0:
                piece = content[position:position + room]
                self.send(data(stream, piece))
                position += len(piece)
                for owner in (0, stream):
                    self.used[owner] = self.used.get(owner, 0) + len(piece)
            elif self.ending or time.monotonic() > deadline:
                raise Timeout(f"no credit after {position} of {len(content)} bytes; connection {self.ending or 'open'}")
            else:
                self._step(deadline)

    def send_raw(self, ciphertext):
        """Bytes on the socket, beside the TLS layer."""
        self.unsent += ciphertext
        return self.flush(5)

    def flush(self, seconds):
        deadline = time.monotonic() + seconds
        while self.unsent and not self.ending and time.monotonic() < deadline:
            self._step(deadline)
        return not self.unsent

    def expect(self, wanted, seconds=5):
        """The first frame that satisfies `wanted`, taken out together with all before it."""
        deadline = time.monotonic() + seconds
        seen = []
        while True:
            while self.frames:
                candidate = self.frames.pop(0)
                if wanted(candidate):
                    return candidate
                seen.append(candidate)
            if self.ending or time.monotonic() > deadline:
                state = f"connection {self.ending} (alert: {self.alert})" if self.ending else "still open"
                raise Timeout(f"no such frame in {seconds} s; {state}; saw {summary(seen)}")
            self._step(deadline)

    def linger(self, seconds):
        """Reads on for a time or until the connection ends; returns how it ended."""
        deadline = time.monotonic() + seconds
        while not self.ending and time.monotonic() < deadline:
            self._step(deadline)
        return self.ending

    def close(self):
        self.socket.close()

    def _encrypt(self, plaintext):
        """False when the peer has said goodbye already."""
        try:
            self.tls.write(plaintext)
        except ssl.SSLError as error:
            self.alert = self.alert or error.reason or "close_notify"
            return False
        self._collect()
        return True

    def _collect(self):
        if self.outgoing.pending:
            self.unsent += self.outgoing.read()

    def _step(self, deadline):
        """One select: write what is waiting, read what is there."""
        wait = max(0.0, min(0.5, deadline - time.monotonic()))
        readers = [self.socket] if self.reading else []
        readable, writable, _ = select.select(readers, [self.socket] if self.unsent else [], [], wait)
        # Reading goes first: the peer's GOAWAY may lie in front of the reset that a write would find.
        if readable:
            self._read()
        if writable and not self.ending:
            self._write()

    def _write(self):
        try:
            sent = self.socket.send(memoryview(self.unsent)[:1 << 20])
            del self.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            while not self.ending and self._read():
                pass  # What the peer said before it went is still in the socket's queue.
            self.ending = self.ending or "reset"

    def _read(self):
        """False when there was nothing to read."""
        try:
            received = self.socket.recv(1 << 18)
            if received:
                self.incoming.write(received)
            else:
                self.ending = "end"
        except BlockingIOError:
            return False
        except OSError as error:
            self.ending = "reset" if error.errno in (errno.ECONNRESET, errno.EPIPE) else str(error)
        if self.is_open:
            self._decrypt()
        return True

    def _decrypt(self):
        try:
            while True:
                plaintext = self.tls.read(1 << 18)
                if not plaintext:
                    break
                self.unparsed += plaintext
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.alert = self.alert or "close_notify"
        except ssl.SSLError as error:
            self.alert = error.reason or str(error)
        self._parse()
        self._collect()

    def _parse(self):
        position = 0
        if self.server and self.unparsed[:1] == b"P":
            if len(self.unparsed) < len(PREFACE):
                return
            position = len(PREFACE)
        while len(self.unparsed) - position >= 9:
            word, flags, stream = struct.unpack_from("!IBI", self.unparsed, position)
            length = word >> 8
            if len(self.unparsed) - position < 9 + length:
                break
            payload = bytes(self.unparsed[position + 9:position + 9 + length])
            self._take(Frame(word & 255, flags, stream & 0x7FFFFFFF, payload))
            position += 9 + length
        del self.unparsed[:position]

    def _take(self, incoming):
        if incoming.kind == SETTINGS and not incoming.flags & ACK:
            for name, value in struct.iter_unpack("!HI", incoming.payload):
                if name == INITIAL_WINDOW_SIZE:
                    self.initial_window = value
            self._acknowledge(frame(SETTINGS, ACK))
        if incoming.kind == PING and not incoming.flags & ACK:
            self._acknowledge(frame(PING, ACK, 0, incoming.payload))
        if incoming.kind == WINDOW_UPDATE:
            increment, = struct.unpack("!I", incoming.payload)
            self.granted[incoming.stream] = self.granted.get(incoming.stream, 0) + increment
        self.frames.append(incoming)

    def _acknowledge(self, answer):
        if not self.acknowledging or self.ending:
            return
        if self.owed is None:
            self._encrypt(answer)
        else:
            self.owed += answer  # Nothing may go before our own SETTINGS.


def connect(address, identity, values=(), seconds=5, source=None, context=None):
    """A client that has shaken hands and sent its preface."""
    connection = socket.create_connection(address, timeout=seconds, source_address=source)
    wire = Wire(connection, context or tls_context(identity))
    wire.handshake(seconds)
    wire.start(values)
    return wire


def open_stream(wire, stream, authority, seconds=5):
    """CONNECT, and the answer's frame. A 200 in any encoding a server is likely to choose counts as open."""
    wire.send(headers(stream, connect_block(authority)))
    answer = wire.expect(lambda seen: seen.stream == stream and seen.kind in (HEADERS, RST_STREAM), seconds)
    if answer.kind != HEADERS or STATUS_200 not in answer.payload[:2]:
        raise Timeout(f"CONNECT answered by {answer} {answer.payload[:32].hex()}")
    return answer


class Echo:
    """A well-behaved tunnel with one stream to an echoing origin; `check` proves that it still works."""

    def __init__(self, address, identity, authority):
        self.wire, self.count = connect(address, identity), 0
        open_stream(self.wire, 1, authority)

    def check(self, when=""):
        self.count += 1
        content = f"echo {self.count}".encode()
        self.wire.send(data(1, content))
        got = b""
        while len(got) < len(content):
            try:
                got += self.wire.expect(lambda seen: seen.kind == DATA and seen.payload).payload
            except Timeout as failure:
                raise AssertionError(f"a well-behaved tunnel stopped working {when}: {failure}") from failure
        assert got == content, f"a well-behaved tunnel got {got!r} for {content!r} {when}"


def summary(frames):
    """A run of equal frames is one entry: floods are answered by floods."""
    lines = []
    for text in map(str, frames):
        if lines and lines[-1][0] == text:
            lines[-1][1] += 1
        else:
            lines.append([text, 1])
    shown = [text if count == 1 else f"{text} x{count}" for text, count in lines]
    return "; ".join(shown[:12]) + (f"; and {len(shown) - 12} more" if len(shown) > 12 else "") or "nothing"
