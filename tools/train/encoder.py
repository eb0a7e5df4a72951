# SPDX-License-Identifier: GPL-2.0-only
"""What the training of the encoders shares.

Lives here: dropout by columns, the loop over steps, and settings on a command line.
What doesn't: any model, and what its batches and losses are (dga.py, http_train.py);
language models (llama.py).
"""
import math
import sys
import time

import torch
from torch import nn


class Drop(nn.Module):
    """Dropout of whole columns of a sequence, which is much quicker than of single numbers."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or not self.p:
            return x
        return x * ((torch.rand(x.shape[0], 1, x.shape[2]) >= self.p) / (1 - self.p))


def schedule(step, steps):
    """Share of the rate: up over the first twentieth, then down by a cosine."""
    up = max(steps // 20, 1)
    return (step + 1) / up if step < up else \
        0.5 * (1 + math.cos(math.pi * (step - up) / max(steps - up, 1)))


def optimise(net, opt, s, losses_of, every):
    """s: "rate" and "steps". losses_of(): losses whose sum is that of a step; each is propagated as it comes."""
    mean, began = 0.0, time.time()
    net.train()
    for step in range(s["steps"]):
        for g in opt.param_groups:
            g["lr"] = s["rate"] * schedule(step, s["steps"])
        opt.zero_grad(set_to_none=True)
        total = 0.0
        for loss in losses_of():
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        mean += (total - mean) / min(step + 1, 50)
        if step % every == every - 1:
            print(f"{step + 1}/{s['steps']} loss {mean:.4f} {time.time() - began:.0f} s", flush=True)
    net.eval()


def settings(preset, pairs, read=None):
    """preset with KEY=VALUE pairs; read: what makes a value of a text, by key, where its type doesn't."""
    s = dict(preset)
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in s:
            sys.exit(f"{key}: no such setting; there are {', '.join(s)}")
        s[key] = (read or {}).get(key, type(s[key]))(value)
    return s
