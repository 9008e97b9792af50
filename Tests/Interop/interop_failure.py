# SPDX-License-Identifier: Apache-2.0
"""Ends that are not clean: a reset stays a reset from application to application, a lost peer is never a quiet end.

Envoy 1.40 puts a reset on the wire (INTERNAL_ERROR for its application's, CONNECT_ERROR for its origin's), but whatever
arrives there it passes on as a clean end. So the side that must tell its application is asserted when it is ours, and
what Envoy does in that place is only remarked on.
The finer points, code by code, are in interop_wire_*.py, where one end is spelled by hand.
"""

import os
import pathlib
import signal
import socket
import threading

from scene import ALL, ENVOY_ENVOY, ENVOY_OURS, OURS_ENVOY, OURS_OURS, case
from traffic import Later, Origin, Pattern, abort, echo, ending, exactly, expect_end, wait_until


@case(pairings=ALL)
def reset_by_client(scene, pairing):
    """The client application aborts an idle connection; the origin must see a reset."""
    judge(scene, pairing, "origin", "server", reset_by_client_seen(scene, pairing, 0))


@case(pairings=ALL)
def reset_by_client_in_transfer(scene, pairing):
    judge(scene, pairing, "origin", "server", reset_by_client_seen(scene, pairing, 20 << 20))


def reset_by_client_seen(scene, pairing, total):
    seen = []

    def serve(connection):
        connection.sendall(exactly(connection, 5))
        seen.append(ending(connection)[0])

    origin = Origin(serve)
    connection = scene.pair(pairing, origin).dial()
    connection.sendall(b"hello")
    assert exactly(connection, 5) == b"hello"
    Pattern(1).send(connection, total)
    abort(connection)
    origin.finish()
    return seen[0]


@case(pairings=ALL)
def reset_by_origin(scene, pairing):
    """The origin aborts an idle connection; the client application must see a reset."""
    judge(scene, pairing, "client application", "client", reset_by_origin_seen(scene, pairing, 0))


@case(pairings=ALL)
def reset_by_origin_in_transfer(scene, pairing):
    judge(scene, pairing, "client application", "client", reset_by_origin_seen(scene, pairing, 20 << 20))


def reset_by_origin_seen(scene, pairing, total):
    def serve(connection):
        connection.sendall(exactly(connection, 5))
        Pattern(1).send(connection, total)
        exactly(connection, 1)
        abort(connection)

    origin = Origin(serve)
    connection = scene.pair(pairing, origin).dial()
    connection.sendall(b"hello")
    assert exactly(connection, 5) == b"hello"
    connection.sendall(b"!")
    return ending(connection)[0]


@case(pairings=ALL)
def server_killed(scene, pairing):
    """The server proxy dies in mid-transfer; the client application must not take it for the end of the content."""
    def serve(connection):
        exactly(connection, 1)
        flood(connection)

    origin = Origin(serve)
    pair = scene.pair(pairing, origin)
    connection = pair.dial()
    connection.sendall(b"?")
    exactly(connection, 10 << 20)
    os.kill(pair.server.pid, signal.SIGKILL)
    judge(scene, pairing, "client application", "client", ending(connection)[0])


@case(pairings=ALL)
def client_killed(scene, pairing):
    """The client proxy dies in mid-transfer; the origin must not take it for the end of the content."""
    seen = []

    def serve(connection):
        exactly(connection, 10 << 20)
        os.kill(pair.client.pid, signal.SIGKILL)
        seen.append(ending(connection)[0])

    origin = Origin(serve)
    pair = scene.pair(pairing, origin)
    connection = pair.dial()
    threading.Thread(target=flood, args=(connection,), daemon=True).start()
    wait_until(lambda: seen, "the origin never noticed", 20)
    judge(scene, pairing, "origin", "server", seen[0])


def flood(connection):
    """Sends until it cannot; the failure is the far end's doing and judged there."""
    try:
        Pattern(1).send(connection, 10 << 30)
    except OSError:
        pass


def judge(scene, pairing, who, teller, seen):
    """`teller` is the proxy beside that application: the one that knows, and must say so."""
    client, server = pairing.split("-")
    scene.note(f"{who} saw: {seen}")
    teller_is_ours = (client if teller == "client" else server) == "ours"
    assert not teller_is_ours or seen == "reset", f"the {who} saw {seen}, not a reset"


def tunnels(address):
    """Client ends of established connections to this port."""
    wanted = f"{address[1]:04X}"
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[2].endswith(":" + wanted) and row[3] == "01")


@case(pairings=(OURS_ENVOY, ENVOY_ENVOY))
def goaway_by_envoy(scene, pairing):
    """Envoy's age limit says GOAWAY after one second: the running stream finishes, a new one takes a new tunnel."""
    def limit_age(config):
        listener = config["static_resources"]["listeners"][0]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["common_http_protocol_options"] = {"max_connection_duration": "1s"}
        manager["drain_timeout"] = "1s"

    origin = Origin(echo)
    port, = scene.stage.ports(1)
    server = scene.envoy_server(port, origin, limit_age)
    _, client_port = scene.client(pairing.split("-")[0], port, origin.authority)
    address = ("127.0.0.1", client_port)
    old = socket.create_connection(address, timeout=20)
    old.sendall(b"first")
    assert exactly(old, 5) == b"first"
    assert tunnels(server.address) == 1, "the first stream should have made one tunnel"

    def is_moved():
        with socket.create_connection(address, timeout=20) as young:
            young.sendall(b"again")
            assert exactly(young, 5) == b"again"
            return tunnels(server.address) >= 2

    wait_until(is_moved, "no new tunnel although the old one was told GOAWAY", 15)
    round_trip(old, 32 << 20)
    with socket.create_connection(address, timeout=20) as young:
        round_trip(young, 1 << 20)


def round_trip(connection, total):
    """The pattern there and back over an echoing origin, then a clean end."""
    def send():
        Pattern(3).send(connection, total)
        connection.shutdown(socket.SHUT_WR)

    sending = Later(send)
    Pattern(3).check(connection, total)
    sending.result()
    expect_end(connection)


@case(pairings=(OURS_OURS, ENVOY_OURS))
def server_terminated(scene, pairing):
    """SIGTERM to our server in mid-transfer: exit status 0, and the client application sees no clean end."""
    def serve(connection):
        exactly(connection, 1)
        flood(connection)

    origin = Origin(serve)
    pair = scene.pair(pairing, origin)
    connection = pair.dial()
    connection.sendall(b"?")
    exactly(connection, 10 << 20)
    stopping = Later(pair.server.stop, signal.SIGTERM, 8)
    seen, _ = ending(connection)
    status = stopping.result()
    scene.note(f"client application saw: {seen}")
    assert status == 0, f"exit status {status}; stderr: {pair.server.errors()[-300:]}"
    assert pairing != OURS_OURS or seen == "reset", f"the client application saw {seen}, not a reset"


@case(pairings=(OURS_OURS, OURS_ENVOY))
def client_terminated(scene, pairing):
    """SIGTERM to our client in mid-transfer: exit status 0, and the origin sees no clean end."""
    seen = []

    def serve(connection):
        exactly(connection, 10 << 20)
        stopping.append(Later(pair.client.stop, signal.SIGTERM, 8))
        seen.append(ending(connection)[0])

    stopping = []
    origin = Origin(serve)
    pair = scene.pair(pairing, origin)
    connection = pair.dial()
    threading.Thread(target=flood, args=(connection,), daemon=True).start()
    wait_until(lambda: seen, "the origin never noticed", 20)
    status = stopping[0].result()
    scene.note(f"origin saw: {seen[0]}")
    assert status == 0, f"exit status {status}; stderr: {pair.client.errors()[-300:]}"
    assert pairing != OURS_OURS or seen[0] == "reset", f"the origin saw {seen[0]}, not a reset"


@case()
def no_server(scene):
    """Nothing listens at the tunnel's far end: the application is told by a reset, soon."""
    gone, = scene.stage.ports(1)
    _, port = scene.client("ours", gone, "127.0.0.1:9")
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            seen = ending(connection, 8)[0]
    except ConnectionResetError:
        seen = "reset"  # So soon that connect() itself heard of it.
    assert seen == "reset", f"the client application saw {seen}, not a reset"


@case()
def no_origin(scene):
    """The server answers 503 because the origin's port is closed; the application must not see a clean end."""
    gone, = scene.stage.ports(1)
    server = scene.our_server()
    _, port = scene.client("ours", server.address[1], f"127.0.0.1:{gone}")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"anyone?")
        seen, count = ending(connection, 8)
    assert (seen, count) == ("reset", 0), f"the client application saw {seen} after {count} bytes, not a reset"
