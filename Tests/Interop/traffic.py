# SPDX-License-Identifier: Apache-2.0
"""Bytes whose every position is known, applications that send and check them, and what a process costs meanwhile.

One random block of 1 MiB is repeated with a counter at its head and in its middle, so a lost, doubled, swapped or
changed piece is found, with its place. Blocks are compared whole: that is faster than a checksum and says more.
"""

import random
import socket
import struct
import threading
import time

BLOCK = 1 << 20
NO_LINGER = struct.pack("ii", 1, 0)
# Seconds any single socket operation may take. Less than the 10 s after which a silent tunnel sends PING: that traffic
# repairs a lost wake-up, which must not pass for working.
STALL_SECONDS = 8
WHOLE_SECONDS = 60


class Corrupt(Exception):
    """What arrived is not what was sent."""


class Pattern:
    """The endless byte sequence of one seed."""

    def __init__(self, seed, block=BLOCK):
        self.size = block
        self.block = bytearray(random.Random(seed).randbytes(block))

    def numbered(self, index):
        struct.pack_into("!Q", self.block, 0, index)
        struct.pack_into("!Q", self.block, self.size // 2, ~index & 0xFFFFFFFFFFFFFFFF)
        return self.block

    def send(self, connection, total):
        for index in range(0, total // self.size):
            connection.sendall(self.numbered(index))
        connection.sendall(self.numbered(total // self.size)[:total % self.size])

    def check(self, connection, total):
        """Reads exactly `total` bytes."""
        received = bytearray(self.size)
        for index in range(0, (total + self.size - 1) // self.size):
            wanted = min(self.size, total - index * self.size)
            count = read_into(connection, memoryview(received)[:wanted])
            self.compare(received, count, index)
            if count < wanted:
                raise Corrupt(f"ended at byte {index * self.size + count} of {total}")

    def compare(self, received, count, index):
        expected = self.numbered(index)
        if received == expected or received[:count] == expected[:count]:
            return
        place = next(at for at in range(count) if received[at] != expected[at])
        raise Corrupt(f"byte {index * self.size + place} is {received[place]:#x}, not {expected[place]:#x}")


def read_into(connection, view):
    """Fills the view; returns how much came before the end."""
    count = 0
    while count < len(view):
        received = connection.recv_into(view[count:])
        if received == 0:
            break
        count += received
    return count


def exactly(connection, count):
    received = bytearray(count)
    if (got := read_into(connection, memoryview(received))) < count:
        raise Corrupt(f"ended after {got} of {count} bytes")
    return bytes(received)


def ending(connection, seconds=STALL_SECONDS):
    """Reads to the end: ("end" | "reset" | "silence", bytes that came before)."""
    connection.settimeout(seconds)
    scrap, count = bytearray(1 << 18), 0
    try:
        while received := connection.recv_into(scrap):
            count += received
        return "end", count
    except ConnectionResetError:
        return "reset", count
    except TimeoutError:
        return "silence", count


def expect_end(connection):
    how, extra = ending(connection)
    if (how, extra) != ("end", 0):
        raise Corrupt(f"wanted a clean end, got {how} after {extra} more bytes")


def dial(address, source=None, seconds=STALL_SECONDS):
    connection = socket.create_connection(address, timeout=seconds, source_address=source)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def abort(connection):
    """Closes with a TCP RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    connection.close()


class Origin:
    """The application at the far end: every accepted connection runs `serve(connection)` on a thread of its own."""

    all = []  # Those of this test: a failure at the near end is often explained by one at the far end.

    def __init__(self, serve):
        Origin.all.append(self)
        self.serve, self.failures, self.accepted = serve, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.address = self.listener.getsockname()
        self.threads = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def authority(self):
        return f"127.0.0.1:{self.address[1]}"

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _run(self, connection):
        connection.settimeout(STALL_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                self.serve(connection)
            except Exception as failure:  # Shown by `finish`; a thread has nobody else to tell.
                self.failures.append(failure)

    def finish(self, seconds=WHOLE_SECONDS):
        """Waits for every connection's thread, then raises what the first failed one saw."""
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                raise Corrupt(f"the origin was still busy after {seconds} s")
        if self.failures:
            raise self.failures[0]

    def close(self):
        self.listener.close()


class Later:
    """A function on a thread; `result` waits and raises what it raised."""

    def __init__(self, work, *arguments):
        self.value, self.failure = None, None
        self.thread = threading.Thread(target=self._run, args=(work, arguments), daemon=True)
        self.thread.start()

    def _run(self, work, arguments):
        try:
            self.value = work(*arguments)
        except Exception as failure:
            self.failure = failure

    def result(self, seconds=WHOLE_SECONDS):
        self.thread.join(seconds)
        if self.thread.is_alive():
            raise Corrupt(f"no result within {seconds} s")
        if self.failure:
            raise self.failure
        return self.value


def echo(connection):
    connection.settimeout(WHOLE_SECONDS)  # Tests may leave it idle.
    buffer = bytearray(1 << 16)
    while count := connection.recv_into(buffer):
        connection.sendall(memoryview(buffer)[:count])
    connection.shutdown(socket.SHUT_WR)


def wait_until(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return value
