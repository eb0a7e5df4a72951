# SPDX-License-Identifier: GPL-2.0-only
"""Sequences of symbols told by counting: what the small language models are measured against.

Lives here: n-grams smoothed by Witten and Bell's rule, and those of stide (Forrest and others), that are
either known or not. What doesn't: symbols (bpe.py, sys_lm_data.py).
"""
import numpy as np


class Counted:
    """P(symbol | up to @order - 1 before it), each order mixed with the next lower one. Sequences are numpy arrays."""

    def __init__(self, sequences, order, symbols):
        self.order, self.symbols = order, symbols
        self.bits = int(symbols - 1).bit_length()
        assert self.bits * order < 64
        every = np.concatenate(sequences)
        place = np.concatenate([np.arange(len(s)) for s in sequences])
        self.levels = []
        for k in range(1, order + 1):
            grams, counts = np.unique(self.codes(every, k)[place[k - 1:] >= k - 1], return_counts=True)
            before, first = np.unique(grams >> self.bits, return_index=True)
            self.levels.append((grams, counts, before, np.add.reduceat(counts, first),
                                np.diff(np.append(first, len(grams)))))

    def codes(self, s, k):
        """One number for each k symbols."""
        out = np.zeros(len(s) - k + 1, np.int64)
        for i in range(k):
            out = (out << self.bits) | s[i:len(s) - k + 1 + i].astype(np.int64)
        return out

    def nats(self, s, first=0):
        """-log P of each symbol from @first on."""
        p = np.full(len(s), 1 / self.symbols)
        for k, (grams, counts, before, after, kinds) in enumerate(self.levels[:len(s)], 1):
            codes = self.codes(s, k)
            n, seen = looked_up(before, codes >> self.bits, after), looked_up(before, codes >> self.bits, kinds)
            mixed = (looked_up(grams, codes, counts) + seen * p[k - 1:]) / np.maximum(n + seen, 1)
            p[k - 1:] = np.where(n > 0, mixed, p[k - 1:])
        return -np.log(p[first:])


def looked_up(keys, wanted, values):
    """Values of sorted keys; 0 for those that aren't there."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


class Known:
    """stide: the share of a sequence's windows of @order symbols that no known sequence has."""

    def __init__(self, sequences, order):
        self.order, self.known = order, set()
        for s in sequences:
            self.known.update(self.windows(s))

    def windows(self, s):
        raw, unit = s.tobytes(), s.itemsize
        return [raw[i:i + self.order * unit] for i in range(0, max(1, len(raw) - (self.order - 1) * unit), unit)]

    def share(self, s):
        return float(np.mean([w not in self.known for w in self.windows(s)]))
