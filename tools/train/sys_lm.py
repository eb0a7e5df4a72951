#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train sys-lm, which tells how surprising a sequence of system calls is, on normal traces alone.

    tools/train/sys_lm.py --data DIR -o sys-lm.bin --calibrate calls.txt     checkpoint, windows to calibrate on
    inkling compile sys-lm.bin --tokens ids --head anomaly --threshold BITS --calibrate calls.txt -o sys-lm.ink
    tools/train/sys_lm_measure.py --data DIR sys-lm.bin sys-lm.ink           figures, and BITS

DIR holds ADFA-LD (see sys_lm_data.py). Lives here: the training. What doesn't: traces (sys_lm_data.py), the network
(llama.py), scores, baselines and figures (sys_lm_measure.py). The model reads windows of 64 tokens, BEGIN and 63
calls from anywhere in a trace; an image has no states, so a hook may ask it for each window of a thread.
"""
import argparse

import numpy as np
import torch

import llama
import syscall_tokens
from sys_lm_data import BEGIN, CALLS, WINDOW, Traces, targets_of, windows

SHAPE = {"dim": 48, "hidden": 96, "layers": 2, "heads": 4, "groups": 2, "context": WINDOW, "dropout": 0.1}
SEED = 1
ROWS = 32
UNKNOWN = 0.05		# of the calls that are read, to know what a call without a token is like


class Batches:
    """Windows from anywhere; each call of each distinct trace as likely as any."""

    def __init__(self, traces, seed):
        self.traces = list({t.tobytes(): t for t in traces}.values())
        lengths = np.array([max(1, len(t) - CALLS // 3) for t in self.traces])
        self.shares = lengths / lengths.sum()
        self.random = np.random.default_rng(seed)

    def __call__(self, step):
        tokens = np.zeros((ROWS, WINDOW), np.int64)
        targets = np.full((ROWS, WINDOW), -1)
        tokens[:, 0] = BEGIN
        for row, i in enumerate(self.random.choice(len(self.traces), ROWS, p=self.shares)):
            t = self.traces[i]
            at = max(0, self.random.integers(-CALLS // 3, max(1, len(t) - 2 * CALLS // 3)))
            calls = t[at:at + CALLS]
            tokens[row, 1:1 + len(calls)] = calls
            targets[row, :len(calls)] = calls
        tokens[(self.random.random(tokens.shape) < UNKNOWN) & (tokens > BEGIN)] = 0
        return torch.from_numpy(tokens), torch.from_numpy(targets)


def bits(model, traces):
    """Mean bits a call."""
    rows = torch.from_numpy(np.concatenate([windows(t) for t in traces]))
    total = n = 0
    with torch.no_grad():
        for x in rows.split(256):
            y = targets_of(x)
            loss = torch.nn.functional.cross_entropy(model(x.clamp(min=0)).flatten(0, 1), y.flatten(), ignore_index=-1,
                                                     reduction="sum")
            total, n = total + float(loss), n + int((y >= 0).sum())
    return total / n / np.log(2)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True, metavar="DIR")
    ap.add_argument("-o", dest="out", required=True, help="checkpoint")
    ap.add_argument("--calibrate", required=True, metavar="FILE", help="windows to calibrate on, to write")
    ap.add_argument("--training-only", action="store_true", help="leave half A's validation traces out of training")
    ap.add_argument("--steps", type=int, default=3000)
    ap.add_argument("--rate", type=float, default=4e-3)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    traces = Traces(args.data)
    learn = traces.training if args.training_only else traces.learn
    rows = np.concatenate([windows(t) for t in learn])
    full = rows[(rows >= 0).all(1)]
    with open(args.calibrate, "w", encoding="ascii") as f:
        for row in full[np.random.default_rng(SEED).permutation(len(full))[:400], 1:]:
            f.write(" ".join(map(str, row)) + "\n")
    model = llama.Llama(vocabulary=syscall_tokens.vocabulary(), **SHAPE)
    llama.train(model, Batches(learn, SEED), args.steps, args.rate,
                measure=lambda m: (m.save(args.out), f"{bits(m, traces.choose[::5]):.4f} bits a call")[1])


if __name__ == "__main__":
    main()
