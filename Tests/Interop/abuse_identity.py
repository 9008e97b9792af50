# SPDX-License-Identifier: Apache-2.0
"""Certificates that must be refused, shown to our server by a client and to our client by a server.

Each refusal is counted by its own name, and a good certificate works right before and right after.
"""

import socket
import ssl

from abuse_handshake import Victim
from frames import HEADERS, Wire, connect, tls_context
from scene import case
from traffic import dial, ending

# Identity -> the counter that must rise by one.
REFUSALS = {
    "other-domain": "tls_refused_trust_domain",
    "expired": "tls_refused_expired",
    "not-yet-valid": "tls_refused_not_yet_valid",
    "no-uri": "tls_refused_no_identity",
    "not-spiffe": "tls_refused_no_identity",
    "two-uris": "tls_refused_many_identities",
    "other-root": "tls_refused_untrusted",
}


@case(pairings=tuple(REFUSALS))
def server_refuses(scene, name):
    victim = Victim(scene)
    # Our own verification is off: the other root would refuse the server first.
    context = tls_context(scene.identities[name], verify=False)
    seen = refused_as(victim, context)
    scene.note(seen)
    victim.expect_risen(REFUSALS[name], 1)
    others = {other: victim.risen(other) for other in set(REFUSALS.values()) - {REFUSALS[name]}}
    assert not any(others.values()), f"also counted as {others}"
    victim.still_serves()


@case()
def server_refuses_no_certificate(scene):
    victim = Victim(scene)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    scene.note(refused_as(victim, context))
    victim.expect_risen("tls_refused_no_certificate", 1)
    victim.still_serves()


def refused_as(victim, context):
    """In TLS 1.3 the client is done before the server has judged it: the refusal is what comes instead of SETTINGS."""
    try:
        wire = connect(victim.address, None, context=context)
        how = wire.linger(4)
    except (OSError, ssl.SSLError) as failure:
        return f"handshake failed: {failure}"
    assert how, "not refused: the connection is still open"
    assert not wire.frames, f"not refused before HTTP/2 began: got {wire.frames[0]}"
    return f"{how}, alert {wire.alert}"


@case(pairings=tuple(REFUSALS))
def client_refuses(scene, name):
    """Our client and a server with this certificate: no CONNECT is sent, and the application sees a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        proxy, port = scene.client("ours", listener.getsockname()[1], "127.0.0.1:9999")
        before = proxy.counters()
        application = dial(("127.0.0.1", port))
        application.sendall(b"secret")
        frames = serve_once(scene, listener, name)
        assert not [frame for frame in frames if frame.kind == HEADERS], "a CONNECT was sent to an impostor"
        how, count = ending(application, 6)
        assert (how, count) == ("reset", 0), f"the application saw {how} after {count} bytes, not a reset"
        after = proxy.counters()
    assert after.get(REFUSALS[name], 0) > before.get(REFUSALS[name], 0), f"{REFUSALS[name]} did not rise: {after}"


def serve_once(scene, listener, name):
    """One handshake as that server; the frames the client sent in it."""
    connection, _ = listener.accept()
    context = tls_context(scene.identities[name], server=True)
    context.load_verify_locations(scene.identities["client"].roots)
    wire = Wire(connection, context, server=True)
    try:
        wire.handshake()
        wire.start()
        wire.linger(2)
    except (OSError, ssl.SSLError):
        pass  # The refusal may come as an alert in the handshake.
    wire.close()
    return wire.frames


@case()
def client_accepts_only_named(scene):
    """With `--accept` only that very identity will do, whatever else the trust domain holds."""
    victim = Victim(scene)
    good, bad = scene.identities["server"].uri, "spiffe://cluster.local/ns/b/sa/somebody-else"
    outcomes = {}
    for name, accepted in (("the server's", good), ("another", bad)):
        _, port = scene.client("ours", victim.address[1], victim.origin.authority, ("--accept", accepted))
        with dial(("127.0.0.1", port)) as application:
            application.sendall(b"hello")
            application.settimeout(5)
            try:
                outcomes[name] = application.recv(5)
            except ConnectionResetError:
                outcomes[name] = "reset"
    assert outcomes == {"the server's": b"hello", "another": "reset"}, outcomes
