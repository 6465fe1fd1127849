# SPDX-License-Identifier: Apache-2.0
"""Medians, and how sure a ratio of two of them is."""

import random
import statistics

RESAMPLES = 2000
CONFIDENCE = 0.95


def quantile(values, q):
    """Nearest-rank quantile."""
    ordered = sorted(values)
    return ordered[min(int(q * len(ordered)), len(ordered) - 1)]


def compare(ours, theirs, how):
    """how(median, median) with its bootstrap interval.

    ours and theirs are lists of rounds, each a list of samples taken next to each other. Whole rounds
    are drawn, the same of both sides, so that a slow minute of the machine counts for both.
    Returns (value, low, high).
    """
    draw = random.Random(1).choices  # the same data give the same interval
    rounds = range(len(ours))

    def of(picked):
        a = statistics.median(x for i in picked for x in ours[i])
        b = statistics.median(x for i in picked for x in theirs[i])
        return how(a, b)

    resampled = [of(draw(rounds, k=len(rounds))) for _ in range(RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2
    return of(rounds), quantile(resampled, tail), quantile(resampled, 1 - tail)


def ratio(ours, theirs):
    """Ratio of medians: (ratio, low, high)."""
    return compare(ours, theirs, lambda a, b: a / b if b else float("inf"))


def difference(ours, theirs):
    """Difference of medians: (difference, low, high)."""
    return compare(ours, theirs, lambda a, b: a - b)
