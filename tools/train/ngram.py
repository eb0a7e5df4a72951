# SPDX-License-Identifier: GPL-2.0-only
"""Sequences of symbols told by counting: what the small language models are measured against.

Lives here: n-grams smoothed by Witten and Bell's rule, and those of stide (Forrest and others), that are
either known or not. What doesn't: symbols (bpe.py, sys_lm_data.py).
"""
import collections

import numpy as np


class Counted:
    """P(symbol | up to @order - 1 before it), each order mixed with the next lower one. Sequences are numpy arrays."""

    def __init__(self, sequences, order, symbols):
        self.order, self.symbols = order, symbols
        self.counts = [collections.Counter() for _ in range(order + 1)]
        for s in sequences:
            raw, unit = s.tobytes(), s.itemsize
            for k in range(1, order + 1):
                self.counts[k].update(raw[i:i + k * unit] for i in range(0, len(raw) - (k - 1) * unit, unit))
        self.after = [collections.Counter() for _ in range(order + 1)]
        self.kinds = [collections.Counter() for _ in range(order + 1)]
        unit = sequences[0].itemsize
        for k in range(1, order + 1):
            for gram, n in self.counts[k].items():
                self.after[k][gram[:-unit]] += n
                self.kinds[k][gram[:-unit]] += 1

    def nats(self, s, first=0):
        """-log P of each symbol from @first on."""
        raw, unit = s.tobytes(), s.itemsize
        out = np.empty(len(s) - first)
        for i in range(first, len(s)):
            p = 1 / self.symbols
            for k in range(1, min(self.order, i + 1) + 1):
                gram = raw[(i - k + 1) * unit:(i + 1) * unit]
                n = self.after[k].get(gram[:-unit], 0)
                if not n:
                    break
                kinds = self.kinds[k][gram[:-unit]]
                p = (self.counts[k].get(gram, 0) + kinds * p) / (n + kinds)
            out[i - first] = -np.log(p)
        return out


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
