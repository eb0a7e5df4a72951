# SPDX-License-Identifier: GPL-2.0-only
"""Decoders of llama2.c's shape in PyTorch, and its checkpoints.

Lives here: the network (RMSNorm, rotary positions, causal attention, SwiGLU, tied table of tokens), reading and
writing checkpoints of version 0, and the loop that trains one. What doesn't: tokens and what is made of
them (lm_tiny.py, sys_lm.py).
"""
import math
import struct
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-5
BASE = 10000.0
BEGIN = 1		# the token that each text begins with


def rms(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * weight


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        dim, hidden, kv = c.dim, c.hidden, c.dim // c.heads * c.groups
        self.heads, self.groups, self.d = c.heads, c.groups, c.dim // c.heads
        self.norm_attention = nn.Parameter(torch.ones(dim))
        self.norm_gated = nn.Parameter(torch.ones(dim))
        self.qkv = nn.Linear(dim, dim + 2 * kv, bias=False)
        self.wo = nn.Linear(dim, dim, bias=False)
        self.gate_up = nn.Linear(dim, 2 * hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.drop = nn.Dropout(c.dropout)

    def forward(self, x, turn, mask):
        b, t, dim = x.shape
        kv = self.groups * self.d
        q, k, v = self.qkv(rms(x, self.norm_attention)).split([dim, kv, kv], -1)
        q = turned(q.view(b, t, self.heads, self.d), turn)
        k = turned(k.view(b, t, self.groups, self.d), turn).repeat_interleave(self.heads // self.groups, 2)
        v = v.view(b, t, self.groups, self.d).repeat_interleave(self.heads // self.groups, 2)
        s = q.transpose(1, 2) @ (k.permute(0, 2, 3, 1) * (1 / math.sqrt(self.d)))
        y = torch.softmax(s + mask, -1) @ v.transpose(1, 2)
        x = x + self.drop(self.wo(y.transpose(1, 2).reshape(b, t, dim)))
        gate, up = self.gate_up(rms(x, self.norm_gated)).chunk(2, -1)
        return x + self.drop(self.w2(F.silu(gate) * up))


def turned(x, turn):
    """Rotary positions: each pair of neighbouring columns turns by its own angle."""
    cos, sin = turn
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class Llama(nn.Module):
    def __init__(self, dim, hidden, layers, heads, groups, vocabulary, context, dropout=0.0):
        super().__init__()
        self.dim, self.hidden, self.layers, self.heads, self.groups = dim, hidden, layers, heads, groups
        self.vocabulary, self.context, self.dropout = vocabulary, context, dropout
        self.embedding = nn.Embedding(vocabulary, dim)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(self) for _ in range(layers))
        self.norm = nn.Parameter(torch.ones(dim))
        for name, p in self.named_parameters():
            if p.dim() > 1:
                small = name.endswith(("wo.weight", "w2.weight"))
                nn.init.normal_(p, std=dim ** -0.5 / (math.sqrt(2 * layers) if small else 1))
        nn.init.normal_(self.embedding.weight, std=0.02 if dim > 64 else 0.05)
        angle = torch.arange(context)[:, None] * BASE ** (-torch.arange(0, dim // heads, 2) / (dim // heads))
        self.register_buffer("cos", angle.cos()[:, None], persistent=False)
        self.register_buffer("sin", angle.sin()[:, None], persistent=False)
        self.register_buffer("mask", torch.full((context, context), -1e9).triu(1), persistent=False)

    def features(self, tokens):
        t = tokens.shape[1]
        x = self.drop(self.embedding(tokens))
        for block in self.blocks:
            x = block(x, (self.cos[:t], self.sin[:t]), self.mask[:t, :t])
        return rms(x, self.norm)

    def forward(self, tokens):
        return F.linear(self.features(tokens), self.embedding.weight)

    def surprise(self, tokens, targets):
        """-log p of each target in nats."""
        logits = self(tokens).flatten(0, 1)
        return F.cross_entropy(logits, targets.flatten().long(), reduction="none").view(targets.shape)

    def parts(self):
        """Arrays in the order of the file."""
        kv, b = self.dim // self.heads * self.groups, self.blocks
        yield from ([self.embedding.weight], [x.norm_attention for x in b], [x.qkv.weight[:self.dim] for x in b])
        yield from ([x.qkv.weight[self.dim:self.dim + kv] for x in b], [x.qkv.weight[self.dim + kv:] for x in b])
        yield from ([x.wo.weight for x in b], [x.norm_gated for x in b])
        yield from ([x.gate_up.weight[:self.hidden] for x in b], [x.w2.weight for x in b])
        yield from ([x.gate_up.weight[self.hidden:] for x in b], [self.norm])

    def save(self, path):
        numbers = (self.dim, self.hidden, self.layers, self.heads, self.groups, self.vocabulary, self.context)
        with open(path, "wb") as f:
            f.write(struct.pack("<7i", *numbers))
            for part in self.parts():
                for x in part:
                    f.write(x.detach().numpy().astype("<f4").tobytes())
            f.write(np.zeros(self.context * (self.dim // self.heads), "<f4").tobytes())	# angles; nobody reads them


def load(path):
    with open(path, "rb") as f:
        model = Llama(*struct.unpack("<7i", f.read(28)))
        with torch.no_grad():
            for part in model.parts():
                for x in part:
                    x.copy_(torch.from_numpy(np.frombuffer(f.read(4 * x.numel()), "<f4").copy()).view(x.shape))
    return model.eval()


def rate_at(done, top, warm=0.03, least=0.05):
    """Cosine from @top down to a twentieth, after a short rise; @done: the share of training."""
    if done < warm:
        return top * done / warm
    return top * (least + (1 - least) * 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm))))


def train(model, batch_of, steps, rate, *, decay=0.05, beta=0.95, measure=None, every=200, log=print):
    """@batch_of(step): tokens and targets; targets of -1 don't count. @measure(model) is logged @every steps."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}],
                            lr=rate, betas=(0.9, beta))
    start, loss_sum = time.process_time(), 0.0
    model.train()
    for step in range(steps):
        for group in opt.param_groups:
            group["lr"] = rate_at((step + 1) / steps, rate)
        tokens, targets = batch_of(step)
        logits = model(tokens).flatten(0, 1)
        loss = F.cross_entropy(logits, targets.flatten(), ignore_index=-1)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        loss_sum += float(loss)
        if (step + 1) % every == 0 or step + 1 == steps:
            model.eval()
            said = measure(model) if measure else ""
            model.train()
            log(f"step {step + 1} of {steps}: {loss_sum / ((step % every) + 1):.4f} nats a token, "
                f"{time.process_time() - start:.0f} s of CPU {said}", flush=True)
            loss_sum = 0.0
    model.eval()
    return model
