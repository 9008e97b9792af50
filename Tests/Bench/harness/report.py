# SPDX-License-Identifier: Apache-2.0
"""One JSON line per judged figure, a table for people at the end, and the verdict against thresholds.json."""

import json
import pathlib
import sys

THRESHOLDS = pathlib.Path(__file__).resolve().parents[1] / "thresholds.json"
MISSED, FAILED = "MISSED", "FAILED"


class Report:
    def __init__(self, bench, congestion, extra=None):
        self.bench = bench
        self.congestion = congestion
        self.extra = extra or {}
        self.rows = []
        self.thresholds = json.loads(THRESHOLDS.read_text())["rows"]

    def add(self, metric, comparison, openssl="none", peer_name=None, samples=None, **extra):
        """Adds a row, finds its floor and goal, and prints it at once: a run that is cut short has still said something."""
        floor, goal = self._limits(metric, openssl, peer_name)
        judged = comparison.ratio if peer_name else comparison.ours
        row = {
            "bench": self.bench, "metric": metric, "openssl": openssl,
            "ours": _round(comparison.ours), "peer": _round(comparison.peer), "peer_name": peer_name,
            "ratio": _round(comparison.ratio), "floor": floor, "goal": goal, "runs": comparison.runs,
            "congestion": self.congestion, "spread": [_round(value) for value in comparison.spread],
            "verdict": _verdict(judged, floor, goal), **self.extra, **extra,
        }
        if samples is not None and samples.baseline:
            row["rejected"] = len(samples.baseline) - len(samples.accepted_rounds())
            row["noisy"] = samples.is_noisy()
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def print_table(self):
        columns = ["metric", "openssl", "ours", "peer", "peer_name", "ratio", "spread", "floor", "goal", "runs", "verdict"]
        lines = [columns] + [[_cell(row, column) for column in columns] for row in self.rows]
        widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
        print(f"\n{self.bench}, congestion control {self.congestion} {self.extra or ''}", file=sys.stderr)
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip(), file=sys.stderr)

    def has_missed(self):
        return any(row["verdict"] in (MISSED, FAILED) for row in self.rows)

    def _limits(self, metric, openssl, peer_name):
        for entry in self.thresholds:
            if (entry["bench"], entry["metric"], entry["peer"]) == (self.bench, metric, peer_name) \
                    and entry["openssl"] in ("any", openssl):
                return entry["floor"], entry["goal"]
        return None, None


def _verdict(value, floor, goal):
    if floor is None and goal is None:
        return "info"
    if value is None:
        return FAILED if floor is not None else "info"
    if goal is not None and value <= goal:
        return "goal"
    if floor is not None and value > floor:
        return MISSED
    return "floor" if floor is not None else "above goal"


def _round(value):
    return None if value is None else float(f"{value:.4g}")


def _cell(row, column):
    value = row[column]
    if column == "spread":
        return "..".join(f"{part:g}" for part in value)
    if column == "verdict" and row.get("noisy"):
        return f"{value} (noisy)"
    return "-" if value is None else f"{value:g}" if isinstance(value, (int, float)) else str(value)
