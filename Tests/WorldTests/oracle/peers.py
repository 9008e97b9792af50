#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the table of PeerAuthentication, one row for each combination of modes: peers.py > peers.tsv

    mesh, namespace, workload   the mode of the object on that level, `none` for no object
    port                        the mode the workload's object gives port 8080, `none` when it does not name it
    plaintext, mtls             whether a connection to 8080, and to another port, is accepted
    policy                      what the workload lists: `static`, `converted`, or `none`

Written from the semantics alone, before and apart from the Swift sources; the table is what counts, and is committed.

  - the closest object that has an opinion decides: workload, then namespace, then mesh; nobody's opinion is PERMISSIVE
  - UNSET is no opinion; DISABLE accepts plaintext, as PERMISSIVE does
  - a port's own mode goes before all of that, and cannot be said without an object that selects the workload
  - mutual TLS is always welcome
  - static: refused everywhere; converted: refused on some ports only; none: refused nowhere
"""

OPINIONS = {"STRICT": "deny", "PERMISSIVE": "allow", "DISABLE": "allow"}
MODES = ["none", "UNSET", "STRICT", "PERMISSIVE", "DISABLE"]
COLUMNS = ["mesh", "namespace", "workload", "port", "plaintext 8080", "plaintext 9090", "mtls 8080", "mtls 9090", "policy"]


def asked(*modes):
    """The first opinion among modes, from the closest on."""
    for mode in modes:
        if mode in OPINIONS:
            return OPINIONS[mode]
    return "allow"


def row(mesh, namespace, workload, port):
    here = asked(port, workload, namespace, mesh)
    elsewhere = asked(workload, namespace, mesh)
    if here != elsewhere:
        policy = "converted"
    else:
        policy = "static" if here == "deny" else "none"
    return [mesh, namespace, workload, port, here, elsewhere, "allow", "allow", policy]


def main():
    print("\t".join(COLUMNS))
    for mesh in MODES:
        for namespace in MODES:
            for workload in MODES:
                for port in MODES if workload != "none" else ["none"]:
                    print("\t".join(row(mesh, namespace, workload, port)))


if __name__ == "__main__":
    main()
