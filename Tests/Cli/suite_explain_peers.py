# SPDX-License-Identifier: Apache-2.0
"""Whether plaintext is accepted, as `skeinctl explain` tells it.

Every row of Tests/WorldTests/oracle/peers.tsv is a folder of manifests, and four calls: plaintext and mutual TLS, to the
port the row speaks of and to another one.
"""

import csv
import subprocess
import sys

import cases
from cases import case, expect

ORACLE = cases.PROJECT / "Tests/WorldTests/oracle"
# Written down here too: a table that has lost rows would be equal to anything.
ROWS = 525

with open(ORACLE / "peers.tsv", newline="") as file:
    TABLE = list(csv.DictReader(file, delimiter="\t"))

KEYS = {"static": "istio-system/istio_converted_static_strict", "converted": "shop/converted_peer_authentication_web"}


def pod(namespace, name, address, *, is_enrolled=True):
    annotations = "annotations: {ambient.istio.io/redirection: enabled}" if is_enrolled else ""
    return f"""---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: {namespace}
  labels: {{app: {name}}}
  {annotations}
spec: {{serviceAccountName: {name}}}
status: {{podIP: {address}}}
"""


def peer(namespace, name, mode, *, app=None, ports=None):
    """A PeerAuthentication; None for a mode says nothing about it."""
    spec = []
    if app:
        spec.append(f"selector: {{matchLabels: {{app: {app}}}}}")
    if mode:
        spec.append(f"mtls: {{mode: {mode}}}")
    if ports:
        spec.append("portLevelMtls: {" + ", ".join(f"{port}: {{mode: {mode}}}" for port, mode in ports.items()) + "}")
    return f"""---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{{", ".join(spec)}}}
"""


WORLD = (pod("shop", "web", "10.0.0.1") + pod("shop", "cart", "10.0.0.2") + pod("away", "guest", "10.0.0.3")
         + pod("away", "outsider", "10.0.0.4", is_enrolled=False))


def manifests(row):
    text = WORLD
    if row["mesh"] != "none":
        text += peer("istio-system", "mesh", row["mesh"])
    if row["namespace"] != "none":
        text += peer("shop", "default", row["namespace"])
    if row["workload"] != "none":
        ports = {} if row["port"] == "none" else {8080: row["port"]}
        text += peer("shop", "web", row["workload"], app="web", ports=ports)
    return text


def check(name, answer, wanted, keys):
    """Accepted, or denied by one of the policies that are there for it."""
    verdict = answer.json["verdict"]
    is_allowed = wanted == "allow"
    expect(f"{name}, allowed", verdict["allowed"], is_allowed)
    expect(f"{name}, status", answer.status, 0 if is_allowed else 3)
    expect(f"{name}, code", verdict["code"], "ok" if is_allowed else "denied")
    if not is_allowed:
        expect(f"{name}, policy", verdict["policy"] in keys, True)
    expect(f"{name}, errors", answer.errors, "")


@case("the table has every combination that can be written down")
def whole(_view):
    expect("rows", len(TABLE), ROWS)
    expect("combinations", len({tuple(row.values())[:4] for row in TABLE}), ROWS)


@case("the table is what its generator says")
def generated(_view):
    output = subprocess.run([sys.executable, ORACLE / "peers.py"], capture_output=True, text=True, check=True).stdout
    expect("equal", output == (ORACLE / "peers.tsv").read_text(), True)


@case("explain answers as the table says", *dict.fromkeys((row["mesh"], row["namespace"]) for row in TABLE))
def table(view, mesh, namespace):
    for row in TABLE:
        if (row["mesh"], row["namespace"]) != (mesh, namespace):
            continue
        name = " ".join(list(row.values())[:4])
        folder = view.write(f"{name}/world.yaml", manifests(row))
        keys = {KEYS[row["policy"]]} if row["policy"] in KEYS else set()
        for port in (8080, 9090):
            place = f"10.0.0.1:{port}"
            check(f"{name}: plaintext to {port}", view.explain(folder, "shop/cart", place, "--plaintext"),
                  row[f"plaintext {port}"], keys)
            check(f"{name}: mtls to {port}", view.explain(folder, "shop/cart", place), row[f"mtls {port}"], keys)


@case("every kind of plaintext is alike, and so is every identity")
def kinds(view):
    folder = view.write("w/world.yaml", WORLD + peer("shop", "web", "STRICT", app="web", ports={8080: "PERMISSIVE"}))
    keys = {KEYS["converted"]}
    for caller, options in (("192.0.2.1", ()), ("away/outsider", ()), ("away/guest", ("--plaintext",))):
        check(f"{caller} to 8080", view.explain(folder, caller, "10.0.0.1:8080", *options), "allow", keys)
        check(f"{caller} to 9090", view.explain(folder, caller, "10.0.0.1:9090", *options), "deny", keys)
    for port in (8080, 9090):
        check(f"guest to {port}", view.explain(folder, "away/guest", f"10.0.0.1:{port}"), "allow", keys)
        check(f"to cart, {port}", view.explain(folder, "192.0.2.1", f"10.0.0.2:{port}"), "allow", keys)


@case("a port is that of the workload, not that of its service")
def ports(view):
    service = """---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.1, ports: [{port: 80, targetPort: 8080}]}
"""
    for port, wanted in ((8080, "deny"), (80, "allow")):
        text = WORLD + service + peer("shop", "web", "PERMISSIVE", app="web", ports={port: "STRICT"})
        folder = view.write(f"{port}/world.yaml", text)
        answer = view.explain(folder, "shop/cart", "web.shop:80", "--plaintext")
        check(f"STRICT on {port}", answer, wanted, {KEYS["converted"]})


@case("what cannot be read closes, and is told", ("shop",), ("istio-system",))
def unreadable(view, namespace):
    folder = view.write("w/world.yaml", WORLD)
    view.write("w/peer.yaml", peer(namespace, "broken", "PERMISIVE"))
    answer = view.explain(folder, "shop/cart", "10.0.0.1:8080", "--plaintext")
    expect("status", answer.status, 3)
    expect("policy", answer.json["verdict"]["policy"], KEYS["static"])
    assert "peer.yaml:5:" in answer.errors and "did you mean `PERMISSIVE`?" in answer.errors, answer.errors
    expect("mutual TLS", view.explain(folder, "shop/cart", "10.0.0.1:8080").status, 0)
    view.write("w/peer.yaml", peer(namespace, "broken", "PERMISSIVE"))
    expect("mended", view.explain(folder, "shop/cart", "10.0.0.1:8080", "--plaintext").status, 0)
