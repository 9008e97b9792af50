# SPDX-License-Identifier: Apache-2.0
"""A test's scene: client application -> client proxy -> tunnel -> server proxy -> origin, from either maker.

    @case(pairings=ALL)
    def bulk(scene, pairing):
        pair = scene.pair(pairing, Origin(serve))
        connection = pair.dial()

A test that takes a pairing is listed once for each; Envoy on both ends is the control that the test itself is right.
"""

import json
import pathlib
from dataclasses import dataclass

import peer_configs
import traffic

OURS_OURS, OURS_ENVOY, ENVOY_OURS, ENVOY_ENVOY = ALL = ("ours-ours", "ours-envoy", "envoy-ours", "envoy-envoy")
CASES = []


@dataclass(frozen=True)
class Case:
    name: str
    work: object
    arguments: tuple
    seconds: float


def case(pairings=None, seconds=60):
    """Registers a test; `seconds` is when the runner ends it by force."""
    def register(work):
        name = work.__name__.replace("_", "-")
        if pairings is None:
            CASES.append(Case(name, work, (), seconds))
        for pairing in pairings or ():
            CASES.append(Case(f"{name}[{pairing}]", work, (pairing,), seconds))
        return work
    return register


@dataclass
class Pair:
    """Two running proxies and the address the client application dials."""

    address: tuple
    client: object
    server: object

    def dial(self):
        return traffic.dial(self.address)


class Scene:
    """What one test stands on: its processes, the minted identities, our binary, and remarks for the result line."""

    def __init__(self, stage, binary, identities):
        self.stage, self.binary, self.identities = stage, binary, identities
        self.remarks = []

    def note(self, text):
        """Something seen that is not ours to assert, shown behind the result."""
        self.remarks.append(text)

    def pair(self, pairing, origin):
        client_kind, server_kind = pairing.split("-")
        server_port, = self.stage.ports(1)
        server = (self.our_server(server_port) if server_kind == "ours"
                  else self.envoy_server(server_port, origin))
        client, client_port = self.client(client_kind, server_port, origin.authority)
        return Pair(("127.0.0.1", client_port), client, server)

    def client(self, kind, tunnel, authority, extra=()):
        port, = self.stage.ports(1)
        if kind == "ours":
            return self.our_client(port, tunnel, authority, extra=extra), port
        program = peer_configs.envoy_hbone_client(self.stage, port, tunnel, authority, self.identities["client"])
        return self.stage.start(changed(program, limit_streams)), port

    def our_client(self, port, tunnel, authority, extra=()):
        return self.stage.start(peer_configs.skein_hbone_client(
            self.stage, self.binary, port, tunnel, authority, self.identities["client"], extra=one_worker(extra)))

    def our_server(self, port=None, extra=()):
        port = port or self.stage.ports(1)[0]
        server = self.stage.start(peer_configs.skein_hbone_server(
            self.stage, self.binary, port, self.identities["server"], extra=one_worker(extra)))
        server.address = ("127.0.0.1", port)
        return server

    def envoy_server(self, port, origin, change=lambda config: None):
        """Envoy dials one fixed address whatever the authority says, so it is told the origin's."""
        program = peer_configs.envoy_hbone_server(self.stage, port, origin.address[1], self.identities["server"])
        server = self.stage.start(changed(program, change))
        server.address = ("127.0.0.1", port)
        return server


def one_worker(extra):
    """Unless a test says otherwise: two streams that must share a tunnel then do."""
    return extra if "--workers" in extra else ("--workers", "1", *extra)


def limit_streams(config):
    """Until the server's SETTINGS arrive Envoy believes in 1,024 streams, and what is refused then it never retries."""
    cluster = config["static_resources"]["clusters"][0]
    options = cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
    options["explicit_http_config"]["http2_protocol_options"]["max_concurrent_streams"] = 100


def changed(program, change):
    """Envoy's program with its configuration edited."""
    path = pathlib.Path(program.argv[program.argv.index("-c") + 1])
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=1))
    return program
