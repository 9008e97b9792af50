# SPDX-License-Identifier: Apache-2.0
"""Double HBONE: TLS and HTTP/2 with one CONNECT inside the stream of another CONNECT, as between networks.

`--nested` builds both layers in one process. Outside, Envoy is the gateway that dials our server whatever the outer
authority says, or ours, which ends both layers itself when the outer authority is `nested`. The chained shapes are two
clients one behind the other, which also gives a control with Envoy in all four places.
"""

import socket

from scene import case
from traffic import Later, Origin, Pattern, abort, dial, ending, exactly, expect_end

CONTENT = 200_000_000
UP, DOWN = 11, 12


class ServerAsOrigin:
    """A tunnel server seen as the origin of the outer layer."""

    def __init__(self, server):
        self.address = server.address
        self.authority = f"{server.address[0]}:{server.address[1]}"


def built(scene, shape, origin):
    """The address the application dials for a tunnel of this shape."""
    if shape == "nested-envoy":
        outer = server(scene, "envoy", ServerAsOrigin(scene.our_server()))
        _, client = scene.client("ours", outer.address[1], origin.authority, ("--nested",))
        return "127.0.0.1", client
    if shape == "nested-ours":
        _, client = scene.client("ours", scene.our_server().address[1], origin.authority, ("--nested",))
        return "127.0.0.1", client
    kind = shape.removeprefix("chained-")
    inner = server(scene, kind, origin)
    outer = server(scene, kind, ServerAsOrigin(inner))
    _, outer_client = scene.client(kind, outer.address[1], ServerAsOrigin(inner).authority)
    _, inner_client = scene.client(kind, outer_client, origin.authority)
    return "127.0.0.1", inner_client


def server(scene, kind, behind):
    port, = scene.stage.ports(1)
    return scene.our_server(port) if kind == "ours" else scene.envoy_server(port, behind)


SHAPES = ("nested-ours", "nested-envoy", "chained-ours", "chained-envoy")


@case(pairings=SHAPES, seconds=90)
def double_bulk(scene, shape):
    """Both ways at once; the client's half ends first and the other half goes on."""
    def serve(connection):
        sending = Later(Pattern(DOWN).send, connection, CONTENT)
        Pattern(UP).check(connection, CONTENT)
        expect_end(connection)
        sending.result()
        Pattern(DOWN).send(connection, 1_000_000)

    def send(connection):
        Pattern(UP).send(connection, CONTENT)
        connection.shutdown(socket.SHUT_WR)

    origin = Origin(serve)
    connection = dial(built(scene, shape, origin))
    sending = Later(send, connection)
    Pattern(DOWN).check(connection, CONTENT)
    sending.result()
    Pattern(DOWN).check(connection, 1_000_000)
    expect_end(connection)
    origin.finish()


@case(pairings=SHAPES)
def double_many(scene, shape):
    """Sixty connections at once, one after the other finished."""
    def serve(connection):
        Pattern(UP, 1 << 16).check(connection, 200_000)
        expect_end(connection)
        Pattern(DOWN, 1 << 16).send(connection, 200_000)

    origin = Origin(serve)
    address = built(scene, shape, origin)
    connections = [dial(address) for _ in range(60)]
    for connection in connections:
        Later(Pattern(UP, 1 << 16).send, connection, 200_000).result()
        connection.shutdown(socket.SHUT_WR)
    for connection in connections:
        Pattern(DOWN, 1 << 16).check(connection, 200_000)
        expect_end(connection)
    origin.finish()


@case(pairings=SHAPES)
def double_reset(scene, shape):
    """The origin's reset passes both layers. Where Envoy hears it, it may pass on an end."""
    def serve(connection):
        connection.sendall(exactly(connection, 5))
        exactly(connection, 1)
        abort(connection)

    origin = Origin(serve)
    connection = dial(built(scene, shape, origin))
    connection.sendall(b"hello")
    assert exactly(connection, 5) == b"hello"
    connection.sendall(b"!")
    how = ending(connection)[0]
    scene.note(f"client application saw: {how}")
    assert shape == "chained-envoy" or how == "reset", f"the client application saw {how}, not a reset"
