# SPDX-License-Identifier: Apache-2.0
"""Compares our tunnel pair and relay with Envoy, HAProxy and nginx on this machine, in one run, as ratios; and measures
what a large mesh costs without a socket.

  scripts/bench hbone --quick                  every part of the tunnel pair, short
  scripts/bench hbone --part bulk              one part of the full run (each takes less than ten minutes)
  scripts/bench relay
  scripts/bench mesh                           a hundred thousand workloads: memory, decisions, changes; needs no root
  scripts/bench hbone --openssl 3.5            our binary and HAProxy on Debian 13's library (see scripts/trixie-root)
  scripts/bench hbone --congestion reno        everything in a network namespace of its own with that congestion control

Prints one JSON object per figure on stdout and a table on stderr. Exit status: 0, 1 when a floor of
Tests/Bench/thresholds.json is missed, 2 when it could not be run. Needs root, two CPUs and nobody else on them.
"""

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Interop"))

import allocations  # noqa: E402
import certs  # noqa: E402
import handshakes  # noqa: E402
import memory  # noqa: E402
import mesh  # noqa: E402
import parts  # noqa: E402
import worlds  # noqa: E402
from candidates import Setting  # noqa: E402
from cpus import PRIORITY  # noqa: E402
from peers import PROJECT, PeerFailure, Stage  # noqa: E402
from report import Report  # noqa: E402

PARTS = {
    "hbone": {"bulk": parts.bulk, "requests": parts.requests, "latency": parts.latency,
              "beside-bulk": parts.beside_bulk, "churn": parts.churn, "handshakes": handshakes.handshakes,
              "memory": memory.memory, "allocations": allocations.allocations},
    "relay": {"bulk": parts.relay},
    "mesh": mesh.PARTS,
}


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=PARTS)
    parser.add_argument("--quick", action="store_true", help="five short rounds")
    parser.add_argument("--part", action="append", help="only this part; may be repeated")
    parser.add_argument("--openssl", choices=worlds.VERSIONS, default="both")
    parser.add_argument("--binary", default=str(PROJECT / ".build/release/skein-bench"))
    parser.add_argument("--congestion", default="host", help="host (as it is), or reno, cubic, bbr")
    parser.add_argument("--own-congestion", help="passed to our proxies only: their sockets differ from the rest")
    parser.add_argument("--ours", default="skein", choices=["skein", "envoy", "haproxy", "nginx"],
                        help="put a peer in our place, to try this harness")
    parser.add_argument("--load-binary", help="the load generator, when it is not --binary")
    options = parser.parse_args()
    unknown = set(options.part or []) - set(PARTS[options.bench])
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS[options.bench])}")
    return options


def run(options):
    if options.bench == "mesh":
        return mesh.run(options)
    congestion = worlds.enter_congestion(options.congestion)
    versions = worlds.VERSIONS[options.openssl] if options.bench == "hbone" else ()
    worlds.check_versions(versions)
    extra = {"own_congestion": options.own_congestion} if options.own_congestion else {}
    report = Report(options.bench, congestion, extra)
    with Stage(root=worlds.root_folder(versions), priority=PRIORITY) as stage:
        setting = Setting(stage, certs.mint_all(stage.folder / "certs"), os.path.abspath(options.binary), options.ours,
                          versions, load_binary=os.path.abspath(options.load_binary or options.binary),
                          own_flags=("--congestion", options.own_congestion) if options.own_congestion else ())
        for name, part in PARTS[options.bench].items():
            if not options.part or name in options.part:
                print(f"bench: {options.bench} {name}", file=sys.stderr)
                part(setting, parts.QUICK if options.quick else parts.FULL, report)
                stage.stop_all()
    report.print_table()
    return 1 if report.has_missed() else 0


def main():
    try:
        return run(parse())
    except PeerFailure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
