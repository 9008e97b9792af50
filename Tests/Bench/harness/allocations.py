# SPDX-License-Identifier: Apache-2.0
"""Allocations of our pair, counted by a preloaded allocator: per new connection, and per relayed chunk.

A chunk is 64 KiB of a download, whatever size it was read in. The count covers everything in the process: Swift, OpenSSL
and nghttp2. It is exact, tells the TLS library's calls apart, and hardly depends on the machine, so one run is enough.
"""

import struct
import subprocess
import time

import candidates as who
import workloads
from peers import PROJECT
from rounds import Comparison

SOURCE = PROJECT / "Tests/Bench/harness/count_malloc.c"
CONNECTIONS = 1000
CHUNK_BYTES = 65_536
SETTLE_SECONDS = 0.5


def allocations(setting, effort, report):
    if setting.ours != "skein" or "3.0" not in setting.versions:
        return
    library = setting.stage.folder / "count_malloc.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    backend = setting.origin()
    counts = [setting.stage.folder / f"allocations-{side}" for side in ("client", "server")]
    pair = who.counted_pair(setting, backend, library, counts)
    workloads.churn(pair, 50)  # The tunnel is up, every table has its size.
    _add(report, "allocations_per_connection", pair, _during(counts, lambda: workloads.churn(pair, CONNECTIONS)),
         CONNECTIONS + workloads.WARM_CONNECTIONS)
    connection, = workloads.hold(pair, 1)
    workloads.download(pair, connection)
    _add(report, "allocations_per_chunk", pair, _during(counts, lambda: workloads.download(pair, connection)),
         workloads.BULK_BYTES / CHUNK_BYTES)
    workloads.release([connection])
    who.stop(setting, [pair])


def _during(counts, work):
    """Per side: ours and the TLS library's."""
    before = [_read(path) for path in counts]
    work()
    time.sleep(SETTLE_SECONDS)
    return [[now - then for now, then in zip(_read(path), start)] for path, start in zip(counts, before)]


def _read(path):
    return struct.unpack("=QQ", path.read_bytes())


def _add(report, metric, pair, sides, units):
    """The side that allocates more decides. What the TLS library does for each record is its own and shown beside."""
    ours = max(side[0] for side in sides) / units
    report.add(metric, Comparison(ours, None, None, (), 1), pair.openssl, None, None,
               tls_library=round(max(side[1] for side in sides) / units, 2))
