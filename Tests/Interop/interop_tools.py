# SPDX-License-Identifier: Apache-2.0
"""Other people's HTTP/2 clients against our server. They send GET, which a tunnel server must refuse and survive."""

import pathlib
import re
import subprocess

import peer_configs
from scene import case
from traffic import Origin, dial, echo, exactly

REFUSALS = {"400", "404", "405"}


def run(*argv, seconds=30):
    return subprocess.run([str(part) for part in argv], capture_output=True, text=True, timeout=seconds)


def still_serves(scene, server):
    """A tunnel made now works: the server took no harm."""
    origin = Origin(echo)
    _, port = scene.client("ours", server.address[1], origin.authority)
    with dial(("127.0.0.1", port)) as connection:
        connection.sendall(b"alive")
        assert exactly(connection, 5) == b"alive"


@case()
def nghttp_is_refused(scene):
    """Three GETs on one connection, with a window of their own and a dependency tree, each answered by a 4xx."""
    server = scene.our_server()
    identity = scene.identities["client"]
    url = f"https://127.0.0.1:{server.address[1]}/"
    done = run("nghttp", "-v", "-w", "20", "-W", "20", f"--cert={identity.chain}", f"--key={identity.key}",
               *(url + name for name in ("a", "b", "c")))
    statuses = re.findall(r":status: (\d+)", done.stdout)
    assert len(statuses) == 3 and set(statuses) <= REFUSALS, f"statuses {statuses}: {done.stdout[-600:]} {done.stderr}"
    assert server.is_alive, f"the server ended: {server.errors()[-300:]}"
    still_serves(scene, server)


@case()
def nghttp_posts_and_is_refused(scene):
    """A POST whose content nobody takes: an early answer, no crash, no hanging connection."""
    server = scene.our_server()
    identity = scene.identities["client"]
    content = scene.stage.write("content", "x" * 3_000_000)
    done = run("nghttp", "-v", f"--data={content}", f"--cert={identity.chain}", f"--key={identity.key}",
               f"https://127.0.0.1:{server.address[1]}/upload", seconds=15)
    statuses = re.findall(r":status: (\d+)", done.stdout)
    assert statuses and set(statuses) <= REFUSALS | {"413"}, f"statuses {statuses}: {done.stdout[-600:]} {done.stderr}"
    still_serves(scene, server)


@case()
def nghttp_without_certificate(scene):
    """Nobody without a certificate gets an HTTP answer."""
    server = scene.our_server()
    done = run("nghttp", "-v", f"https://127.0.0.1:{server.address[1]}/", seconds=15)
    assert ":status:" not in done.stdout, f"answered: {done.stdout[-300:]}"
    still_serves(scene, server)


@case()
def h2load_is_refused(scene):
    """Ten thousand GETs over ten connections. h2load has no client certificate, so HAProxy lends it one."""
    server = scene.our_server()
    bridge, = scene.stage.ports(1)
    program = peer_configs.haproxy_mtls_client(scene.stage, bridge, server.address[1], scene.identities["client"])
    configuration = pathlib.Path(program.argv[program.argv.index("-f") + 1])
    configuration.write_text(configuration.read_text().replace("verify required", "verify required alpn h2"))
    scene.stage.start(program)
    done = run("h2load", "-n", "10000", "-c", "10", "-m", "50", f"http://127.0.0.1:{bridge}/")
    codes = re.search(r"status codes: (.*)", done.stdout)
    assert codes and "10000 4xx" in codes[1], f"{done.stdout[-500:]} {done.stderr[-300:]}"
    assert server.is_alive, f"the server ended: {server.errors()[-300:]}"
    still_serves(scene, server)


@case()
def h2load_without_certificate(scene):
    """A hundred connections that cannot authenticate: all fail, none harms."""
    server = scene.our_server()
    done = run("h2load", "-n", "100", "-c", "100", f"https://127.0.0.1:{server.address[1]}/")
    assert "0 succeeded" in done.stdout, done.stdout[-500:]
    still_serves(scene, server)
