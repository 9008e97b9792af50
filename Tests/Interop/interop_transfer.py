# SPDX-License-Identifier: Apache-2.0
"""Bytes through a tunnel: all of them, in order, both ways, many streams at once, and beside one that stands still.

Envoy's server ends the request's half together with the response's, and each of its ends drops then what it has not
passed on yet. So in every test but the one about this (origin_ends_first_behind_envoy) the client finishes first.
"""

import asyncio
import socket
import time

from scene import ALL, ENVOY_ENVOY, ENVOY_OURS, OURS_ENVOY, OURS_OURS, case
from traffic import Corrupt, Later, Origin, Pattern, ending, exactly, expect_end, wait_until

GIGABYTE = 1_000_000_000
HALF = 10_000_000
UP, DOWN = 1, 2  # Seeds: a byte that took the wrong direction is not the right byte.


def send_and_finish(connection, seed, total):
    Pattern(seed).send(connection, total)
    connection.shutdown(socket.SHUT_WR)


@case(pairings=ALL, seconds=90)
def bulk(scene, pairing):
    """A gigabyte each way at the same time."""
    def serve(connection):
        sending = Later(Pattern(DOWN).send, connection, GIGABYTE)
        Pattern(UP).check(connection, GIGABYTE)
        expect_end(connection)
        sending.result()

    origin = Origin(serve)
    connection = scene.pair(pairing, origin).dial()
    sending = Later(send_and_finish, connection, UP, GIGABYTE)
    Pattern(DOWN).check(connection, GIGABYTE)
    sending.result()
    expect_end(connection)
    origin.finish()


@case()
def check_sees_corruption(scene):
    """The control of every transfer test: one wrong, lost, doubled or late byte must be found, with its place."""
    total = 3 * (1 << 16) + 5
    wire = bytearray()
    sink = type("Sink", (), {"sendall": staticmethod(wire.extend)})
    Pattern(UP, 1 << 16).send(sink, total)
    block = 1 << 16
    damages = {
        "flipped": lambda sound: sound[:70000] + bytes([sound[70000] ^ 1]) + sound[70001:],
        "lost": lambda sound: sound[:9] + sound[10:],
        "doubled": lambda sound: sound[:9] + sound[8:-1],
        "blocks swapped": lambda sound: sound[block:2 * block] + sound[:block] + sound[2 * block:],
        "block repeated": lambda sound: sound[:block] + sound[:block] + sound[2 * block:],
        "last byte missing": lambda sound: sound[:-1],
    }
    assert found(wire, total) is None, found(wire, total)
    for name, damage in damages.items():
        assert found(damage(bytes(wire)), total), f"{name}: not found"


def found(content, total):
    """What a check says of these bytes: None or the complaint."""
    sender, receiver = socket.socketpair()

    def send():
        sender.sendall(content)
        sender.close()

    sending = Later(send)
    try:
        Pattern(UP, 1 << 16).check(receiver, total)
        expect_end(receiver)
        return None
    except Corrupt as complaint:
        return str(complaint)
    finally:
        receiver.close()
        try:
            sending.result()
        except OSError:
            pass  # The check stopped at the first wrong byte and left the rest unread.


@case(pairings=ALL)
def half_close_by_client(scene, pairing):
    """The client finishes; ten megabytes still come back on the other half."""
    def serve(connection):
        Pattern(UP).check(connection, HALF)
        expect_end(connection)
        Pattern(DOWN).send(connection, HALF)

    origin = Origin(serve)
    connection = scene.pair(pairing, origin).dial()
    send_and_finish(connection, UP, HALF)
    Pattern(DOWN).check(connection, HALF)
    expect_end(connection)
    origin.finish()


@case(pairings=(OURS_OURS, ENVOY_OURS))
def half_close_by_server(scene, pairing):
    """The mirror: the origin finishes; ten megabytes still go to it."""
    def serve(connection):
        exactly(connection, 1)
        send_and_finish(connection, DOWN, HALF)
        Pattern(UP).check(connection, HALF)
        expect_end(connection)

    origin = Origin(serve)
    connection = scene.pair(pairing, origin).dial()
    connection.sendall(b"?")
    Pattern(DOWN).check(connection, HALF)
    expect_end(connection)
    send_and_finish(connection, UP, HALF)
    origin.finish()


@case(pairings=(OURS_ENVOY, ENVOY_ENVOY))
def origin_ends_first_behind_envoy(scene, pairing):
    """What Envoy's server still has to send when its origin ends, beyond the client's window, it drops with RST_STREAM
    INTERNAL_ERROR. Ours may pass on everything, or that reset; never a part of the content with a clean end."""
    def serve(connection):
        exactly(connection, 1)
        send_and_finish(connection, DOWN, HALF)
        ending(connection)

    origin = Origin(serve)
    connection = scene.pair(pairing, origin).dial()
    connection.sendall(b"?")
    try:
        Pattern(DOWN).check(connection, HALF)
        expect_end(connection)
    except ConnectionResetError:
        scene.note("reset")
    except Corrupt as complaint:
        if pairing != ENVOY_ENVOY:
            raise
        scene.note(f"Envoy alone: {complaint}")


@case(pairings=ALL)
def one_byte_writes(scene, pairing):
    """Ten thousand single bytes echoed: half in lockstep, so that each is a frame of its own, half at full speed."""
    def serve(connection):
        while received := connection.recv(1):
            connection.sendall(received)

    def hurry(connection, content):
        for index in range(len(content)):
            connection.sendall(content[index:index + 1])

    content = bytes(Pattern(UP).numbered(0)[:5000])
    origin = Origin(serve)
    connection = scene.pair(pairing, origin).dial()
    for index in range(len(content)):
        connection.sendall(content[index:index + 1])
        got = connection.recv(1)
        assert got == content[index:index + 1], f"byte {index}: {got!r}"
    sending = Later(hurry, connection, content)
    assert exactly(connection, len(content)) == content, "hurried bytes came back changed"
    sending.result()
    connection.shutdown(socket.SHUT_WR)
    expect_end(connection)
    origin.finish()


class EchoLoop:
    """An echo server on the test's own event loop: a thousand threads would measure the threads."""

    def __init__(self):
        self.open, self.peak = 0, 0

    async def listen(self):
        self.server = await asyncio.start_server(self._echo, "127.0.0.1", 0, backlog=4096)
        self.address = self.server.sockets[0].getsockname()
        self.authority = f"127.0.0.1:{self.address[1]}"

    async def _echo(self, reader, writer):
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            while received := await reader.read(1 << 16):
                writer.write(received)
                await writer.drain()
            writer.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            pass  # The test is over, or its near end will say what broke.
        finally:
            self.open -= 1
            writer.close()


@case(pairings=ALL)
def thousand_streams(scene, pairing):
    """All open at the same moment, then 10 KB of its own through each. One tunnel carries 100 to 200 of them."""
    asyncio.run(many_streams(scene, pairing, 1000))


async def many_streams(scene, pairing, count):
    origin = EchoLoop()
    await origin.listen()
    pair = await asyncio.get_running_loop().run_in_executor(None, scene.pair, pairing, origin)
    is_open, all_open = 0, asyncio.Event()

    async def one(index):
        nonlocal is_open
        content = index.to_bytes(4, "big") * 2560
        reader, writer = await asyncio.open_connection(*pair.address)
        writer.write(content[:4])
        first = await reader.readexactly(4)  # The tunnels are up and the stream is through.
        is_open += 1
        if is_open == count:
            all_open.set()
        await all_open.wait()
        writer.write(content[4:])
        writer.write_eof()
        rest = await reader.read(-1)
        writer.close()
        return first + rest == content

    tasks = [asyncio.create_task(one(index)) for index in range(count)]
    done, late = await asyncio.wait(tasks, timeout=40, return_when=asyncio.FIRST_EXCEPTION)
    broken = [task.exception() for task in done if task.exception()]
    if late or broken:
        for task in late:
            task.cancel()
        raise Corrupt(f"of {count} streams {is_open} opened, {origin.peak} reached the origin, {len(late)} did not end"
                      + (f", {len(broken)} broke: {broken[0]!r}" if broken else ""))
    sound = [task.result() for task in tasks]
    assert all(sound), f"{sound.count(False)} of {count} streams came back changed"
    assert origin.peak == count, f"only {origin.peak} were open at once"


STALLED, BUSY = 64 << 20, 128 << 20
# A stalled stream may fill its HTTP/2 window (4 MiB) and what lies between socket and window, not more.
STALL_MEMORY = 16 << 20


@case(pairings=ALL)
def stalled_reader_beside_busy(scene, pairing):
    """The client application of one stream stops reading; another stream of the same tunnel runs on."""
    def serve(connection):
        if exactly(connection, 1) == b"S":
            send_counted(connection, progress)
        else:
            Pattern(BUSY).send(connection, BUSY)
        ending(connection)

    progress = [0]
    origin = Origin(serve)
    pair = scene.pair(pairing, origin)
    stalled, busy = pair.dial(), pair.dial()
    stalled.sendall(b"S")
    before = memory(pair)
    wait_stall(progress)
    busy.sendall(b"B")
    Pattern(BUSY).check(busy, BUSY)
    finish(busy)
    judge_memory(scene, pairing, before, memory(pair))
    assert progress[0] < STALLED, "the stalled stream was never stalled: the test proves nothing"
    Pattern(STALLED).check(stalled, STALLED)
    finish(stalled)
    origin.finish()


@case(pairings=ALL)
def stalled_origin_beside_busy(scene, pairing):
    """The same upstream: one origin connection stops reading, another takes everything."""
    def serve(connection):
        if exactly(connection, 1) == b"S":
            while not resume:
                time.sleep(0.01)
            Pattern(STALLED).check(connection, STALLED)
        else:
            Pattern(BUSY).check(connection, BUSY)
        expect_end(connection)

    progress, resume = [0], []
    origin = Origin(serve)
    pair = scene.pair(pairing, origin)
    stalled, busy = pair.dial(), pair.dial()
    before = memory(pair)
    stalled.sendall(b"S")
    sending = Later(send_counted, stalled, progress)
    wait_stall(progress)
    busy.sendall(b"B")
    Pattern(BUSY).send(busy, BUSY)
    busy.shutdown(socket.SHUT_WR)
    how, _ = ending(busy, 30)
    assert how == "end", f"the busy stream ended by {how}"
    judge_memory(scene, pairing, before, memory(pair))
    assert progress[0] < STALLED, "the stalled stream was never stalled: the test proves nothing"
    resume.append(True)
    sending.result()
    stalled.shutdown(socket.SHUT_WR)
    origin.finish()


def finish(connection):
    connection.shutdown(socket.SHUT_WR)
    expect_end(connection)


def send_counted(connection, progress):
    pattern = Pattern(STALLED)
    for index in range(STALLED // pattern.size):
        connection.sendall(pattern.numbered(index))
        progress[0] += pattern.size


def wait_stall(progress):
    """Until nothing has moved for half a second: all buffers on the way are full."""
    last, since = -1, time.monotonic()

    def is_still():
        nonlocal last, since
        if progress[0] != last:
            last, since = progress[0], time.monotonic()
        return time.monotonic() - since > 0.5

    wait_until(is_still, "the stalled stream keeps moving", 15)


def memory(pair):
    return {"client": pair.client.rss_anon_bytes(), "server": pair.server.rss_anon_bytes()}


def judge_memory(scene, pairing, before, after):
    """Bounds what is ours; Envoy's figures are shown for comparison."""
    for kind, role in zip(pairing.split("-"), ("client", "server")):
        grown = after[role] - before[role]
        scene.note(f"{role} +{grown / (1 << 20):.1f} MiB")
        assert kind != "ours" or grown <= STALL_MEMORY, f"{role} grew by {grown} bytes, more than {STALL_MEMORY}"
