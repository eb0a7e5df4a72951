#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rules without a network that tell made-up names from real ones, to compare `dga` with.

Lives here: four scores of a name, each with a threshold that flags as many real
names of the valid part as the model's does. What doesn't: figures (dga_measure.py).

    tools/train/dga_rules.py --data DIR [--of valid] [rules.json]

None of them sees a generated name before it is measured, so all families are new to them.
"""
import argparse
import collections
import json
import math

import numpy as np

import common
import dga_data
from dga_measure import FAR, measure, show


def by_hand(name):
    """What people write: long, few vowels, long runs of consonants, digits in between."""
    letters = [c for c in name if c.isalpha()]
    vowels = sum(c in "aeiouy" for c in letters)
    run = longest = 0
    for c in name:
        run = run + 1 if c.isalpha() and c not in "aeiouy" else 0
        longest = max(longest, run)
    turns = sum(a.isdigit() != b.isdigit() for a, b in zip(name, name[1:]))
    return 0.1 * len(name) + 4 * max(0.35 - vowels / max(len(letters), 1), 0) + 0.5 * max(longest - 3, 0) \
        + 0.5 * max(turns - 1, 0)


def entropy(name):
    n = len(name)
    return -sum(k / n * math.log2(k / n) for k in collections.Counter(name).values())


class Grams:
    """Log-likelihood of bytes given the n - 1 before, as real names have them."""

    def __init__(self, real, n):
        self.n, self.seen, self.of = n, collections.Counter(), collections.Counter()
        for name in real:
            for context, c in self.steps(name):
                self.seen[context, c] += 1
                self.of[context] += 1
        self.less = Grams(real, n - 1) if n > 1 else None

    def steps(self, name):
        line = "^" * (self.n - 1) + name + "$"
        for i in range(self.n - 1, len(line)):
            yield line[i - self.n + 1:i], line[i]

    def share(self, context, c):
        """Witten-Bell like: the shorter context counts as five times seen."""
        below = self.less.share(context[1:], c) if self.less else 1 / 40
        return (self.seen[context, c] + 5 * below) / (self.of[context] + 5)

    def cost(self, name):
        """Mean bits of a byte, times the square root of the length: longer names are surer."""
        bits = [-math.log2(self.share(*step)) for step in self.steps(name)]
        return sum(bits) / math.sqrt(len(bits))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", required=True, help="folder that holds dga/")
    p.add_argument("--of", default="test", choices=("valid", "test"))
    p.add_argument("json", nargs="?", help="figures")
    a = p.parse_args()
    names = dga_data.Names(a.data)
    everything = dga_data.CHARACTER + tuple(names.words)
    rules = {"length, vowels, runs, digits": by_hand, "entropy": entropy}
    for n, text in ((2, "pairs of letters"), (3, "three letters")):
        rules[text] = Grams(names.of["benign"]["train"], n).cost
    figures = {}
    for text, rule in rules.items():
        limit = common.threshold_at([rule(n) for n in names.of["benign"]["valid"]], FAR)
        figures[text] = measure(lambda some, rule=rule, limit=limit:
                                np.array([rule(n) - limit for n in some]), names, everything, a.of)
        print(text)
        show(a.of, figures[text])
    if a.json:
        with open(a.json, "w", encoding="ascii") as f:
            json.dump(figures, f, indent=1)


if __name__ == "__main__":
    main()
