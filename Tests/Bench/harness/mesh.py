# SPDX-License-Identifier: Apache-2.0
"""What a mesh of 100,000 workloads in 10,000 services with 2,000 policies costs: building it, asking it, changing it.

The world is invented (Tests/Bench/MeshWorld.swift) and told in sets of 1,000 changes in istiod's order: all workloads in no
order, then all services. Bytes are what RssAnon grew by when the last change value was gone and nothing had been asked to
trim the heap. `_held` is the same while a reader holds each last snapshot, as in life.

Nanoseconds are CPU time, the median of a few rounds of many different questions, most of which find the caches cold.
Instructions are Callgrind's, of the same loop with fewer questions and with hashes that are the same in every run: they
hardly depend on the machine. Its JIT costs 50 times the time, so it is switched on when the world stands.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass

from peers import PeerFailure
from report import Report
from rounds import Comparison

# What was expected before anything was measured.
PREDICTED = {
    "build_cpu_s": 0.6, "build_cpu_s_held": 0.6, "bytes_per_workload": 420, "bytes_per_workload_held": 420,
    "route_ns": 900, "authorize_ns": 600, "service_at_ns": 150, "service_host_ns": 150, "workload_at_ns": 150,
    "workload_uid_ns": 150, "change_health_ns": 12_000, "change_address_ns": 12_000, "change_instructions_ratio": 1.35,
}
WORKLOADS = 100_000
# The last of them is the whole world; what a change costs there is compared with the first.
SIZES = (1_000, 10_000, WORKLOADS)
CHANGES = 2_000
COUNTED_DECISIONS = 5_000
RUN_SECONDS, VGDB_SECONDS = 240, 30
LOOP = "*measuredLoop*"
# Callgrind keeps one option per pattern, so the same function needs a second one.
LOOP_AGAIN = "*easuredLoop*"


@dataclass(frozen=True)
class Effort:
    builds: int
    rounds: int
    decisions: int


QUICK, FULL = Effort(builds=2, rounds=3, decisions=20_000), Effort(builds=5, rounds=5, decisions=50_000)


def run(options):
    report = Report("mesh", "none")
    for name, part in PARTS.items():
        if not options.part or name in options.part:
            print(f"bench: mesh {name}", file=sys.stderr)
            part(os.path.abspath(options.binary), QUICK if options.quick else FULL, report)
    _print_table(report.rows)
    return 1 if report.has_missed() else 0


def build(binary, effort, report):
    """CPU for what the ledger does, until the last change is gone; making the changes is counted apart."""
    for suffix, flags in (("", ()), ("_held", ("--held",))):
        runs = [_run([binary, "mesh", "--workloads", WORKLOADS, *flags])[0] for _ in range(effort.builds)]
        applied = [run["apply_ns"] / 1e9 for run in runs]
        _add(report, f"build_cpu_s{suffix}", applied, us_per_workload=round(statistics.median(applied) * 1e6 / WORKLOADS, 2),
             make_cpu_s=round(statistics.median(run["make_ns"] for run in runs) / 1e9, 3))
        _add(report, f"bytes_per_workload{suffix}", [run["anon_bytes"] / WORKLOADS for run in runs])


def decisions(binary, effort, report):
    """Routes, verdicts and lookups in the whole world."""
    flags = ("--workloads", WORKLOADS, "--decisions")
    for row in _run([binary, "mesh", *flags, effort.decisions, "--rounds", effort.rounds])[1:]:
        _add(report, f"{row['name']}_ns", row["ns"])
    for name, count in _instructions(binary, *flags, COUNTED_DECISIONS):
        _add(report, f"{name}_instructions", [count])


def changes(binary, effort, report):
    """A set of one change in worlds of several sizes, while a reader holds the snapshot before."""
    counts = {}
    for size in SIZES:
        flags = ("--workloads", size, "--changes", CHANGES)
        label = "" if size == WORKLOADS else f"_at_{size}"
        for row in _run([binary, "mesh", *flags, "--rounds", effort.rounds])[1:]:
            _add(report, f"{row['name']}_ns{label}", row["ns"])
        for name, count in _instructions(binary, *flags):
            _add(report, f"{name}_instructions{label}", [count])
            counts.setdefault(name, []).append(count)
    _add(report, "change_instructions_ratio", [max(of_size[-1] / of_size[0] for of_size in counts.values())])


PARTS = {"build": build, "decisions": decisions, "changes": changes}


def _run(argv):
    """The JSON lines of one run."""
    try:
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        raise PeerFailure(f"mesh: no end after {RUN_SECONDS} s: {argv[1:]}") from None
    except OSError as failure:
        raise PeerFailure(f"mesh: {failure}") from None
    if done.returncode != 0:
        raise PeerFailure(f"mesh: {argv[1:]} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _instructions(binary, *flags):
    """(name, instructions per question) for every loop of one round."""
    with tempfile.TemporaryDirectory() as folder:
        argv = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--toggle-collect={LOOP}",
                f"--dump-after={LOOP_AGAIN}", f"--callgrind-out-file={folder}/out", binary, "mesh", "--paused",
                "--rounds", "1", *map(str, flags)]
        rows = _run_counted(argv)
        # Callgrind writes one file when a loop ends, and an empty one when the process does.
        return [(row["name"], _total(f"{folder}/out.{number}") / row["count"]) for number, row in enumerate(rows, 1)]


def _run_counted(argv):
    """The JSON lines after the first, which says that the world stands."""
    environment = {**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"}
    try:
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env=environment) as process:
            watchdog = threading.Timer(RUN_SECONDS, process.kill)
            watchdog.start()
            try:
                process.stdout.readline()
                subprocess.run(["vgdb", f"--pid={process.pid}", "instrumentation on"], check=True, capture_output=True,
                               timeout=VGDB_SECONDS)
                lines = process.communicate("\n")[0].splitlines()
            finally:
                watchdog.cancel()
                process.kill()
    except (OSError, subprocess.SubprocessError) as failure:
        raise PeerFailure(f"mesh: counting instructions: {failure}; valgrind comes with scripts/setup --peers") from None
    if process.returncode != 0:
        raise PeerFailure(f"mesh: {argv[-6:]} ended with {process.returncode} under valgrind")
    return [json.loads(line) for line in lines]


def _total(path):
    with open(path, encoding="utf-8") as file:
        totals = [line for line in file if line.startswith("totals:")]
    if not totals or int(totals[0].split()[1]) == 0:
        raise PeerFailure(f"mesh: callgrind counted nothing in {LOOP}")
    return int(totals[0].split()[1])


def _add(report, metric, values, **extra):
    report.add(metric, Comparison(statistics.median(values), None, None, (min(values), max(values)), len(values)),
               predicted=PREDICTED.get(metric), **extra)


def _print_table(rows):
    columns = ["metric", "ours", "predicted", "floor", "goal", "verdict"]
    lines = [columns] + [["-" if row[name] is None else f"{row[name]:.5g}" if name in columns[1:5] else row[name]
                          for name in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    print(f"\nmesh of {WORKLOADS} workloads", file=sys.stderr)
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip(), file=sys.stderr)
