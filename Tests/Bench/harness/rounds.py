# SPDX-License-Identifier: Apache-2.0
"""Interleaved rounds, and what may be concluded from them.

The machine is shared and noisy: a figure taken now says little about one taken in a minute. So every round measures all
candidates one after the other, ratios are formed inside a round, and the median of the ratios is what is reported.
"""

import statistics
import sys
from dataclasses import dataclass, field

from peers import PeerFailure

BASELINE_MOVE_MAX = 0.15
ROUNDS_MIN = 5


@dataclass
class Samples:
    """candidate label -> one dict of figures per round (None where it failed)."""

    figures: dict = field(default_factory=dict)
    baseline: list = field(default_factory=list)

    def accepted_rounds(self):
        """Rounds whose direct baseline stayed near the median. All of them when too few would be left."""
        moved = self.moved_rounds()
        kept = [index for index in range(len(self.baseline)) if index not in moved]
        return kept if len(kept) >= ROUNDS_MIN else list(range(len(self.baseline)))

    def moved_rounds(self):
        middle = statistics.median(self.baseline)
        return {index for index, value in enumerate(self.baseline) if abs(value / middle - 1) > BASELINE_MOVE_MAX}

    def is_noisy(self):
        return len(self.baseline) - len(self.moved_rounds()) < min(ROUNDS_MIN, len(self.baseline))

    def values(self, label, metric):
        """(round, value) of the accepted rounds in which the candidate did not fail."""
        return [(index, self.figures[label][index][metric]) for index in self.accepted_rounds()
                if self.figures[label][index] is not None]


@dataclass(frozen=True)
class Comparison:
    ours: float | None
    peer: float | None
    ratio: float | None
    spread: tuple
    runs: int


def interleave(candidates, baseline, baseline_metric, measure, effort):
    """Runs A B C A B C and returns the samples. The baseline is measured in every round like the others."""
    everyone = [baseline, *candidates]
    samples = Samples({candidate.label: [] for candidate in everyone})
    for candidate in everyone:
        _attempt(candidate, measure)  # Warm-up: first connections, first handshakes, page faults. Not kept.
    done = 0
    while done < effort.rounds or (samples.is_noisy() and done < effort.rounds + effort.extra_rounds):
        for candidate in everyone:
            figure = _attempt(candidate, measure)
            if candidate is baseline:
                if figure is None:
                    raise PeerFailure("the direct path failed: nothing can be measured")
                samples.baseline.append(figure[baseline_metric])
            samples.figures[candidate.label].append(figure)
        done += 1
    return samples


def compare(samples, metric, ours, peer=None):
    """Ours against a peer, round by round."""
    our_values = dict(samples.values(ours.label, metric))
    if not our_values:
        return Comparison(None, None, None, (), 0)
    middle = statistics.median(our_values.values())
    if peer is None:
        return Comparison(middle, None, None, (min(our_values.values()), max(our_values.values())), len(our_values))
    peer_values = dict(samples.values(peer.label, metric))
    ratios = [our_values[index] / peer_values[index] for index in our_values.keys() & peer_values.keys()]
    if not ratios:
        return Comparison(middle, None, None, (), 0)
    return Comparison(middle, statistics.median(peer_values.values()), statistics.median(ratios),
                      (min(ratios), max(ratios)), len(ratios))


def add_difference(samples, metric, baseline, name, least):
    """Adds `name` = metric minus the baseline's of the same round; never below `least`, so that ratios stay finite."""
    for label, figures in samples.figures.items():
        for index, figure in enumerate(figures):
            if figure is not None:
                figure[name] = max(figure[metric] - samples.figures[baseline.label][index][metric], least)


def _attempt(candidate, measure):
    try:
        return measure(candidate)
    except PeerFailure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return None
