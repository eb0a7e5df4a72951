#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Train `dga`: real domain names, or those of generation algorithms.

Lives here: the encoder, its training and export. What doesn't: lists and splits
(dga_data.py), made-up names (dga_make.py), scores and figures (dga_measure.py).

    tools/train/dga.py --data DIR --fold 0 --json f0.json    families of fold 0 held out
    tools/train/dga.py --data DIR -o models/dga.onnx --weights dga.pt --json all.json \
            --calibration c.txt
    tools/train/dga.py --data DIR --measure --weights dga.pt --json all.json

Test names are read after training only, to be measured; settings and seed are
chosen by `merit`, which is made of valid names alone.
"""
import argparse
import copy
import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import dga_data
import dga_make
import dga_onnx
import encoder
from dga_measure import LONGEST, chunks, id_rows, log_odds, measure, merit, shift, show

CLASSES = ("real", "random", "words")
BYTES = 128			# ids of names are bytes plus one, up to 127
MADE = 60000			# made-up names to draw from
FACTOR, SHIFT = 648053, 15	# of the engine's hash, INKLING_HASH_FACTOR and _SHIFT
# grams: hashed tokens and rows of their table; drop: share of the columns of a name.
# gram_drop, a share of the tokens, and gram_decay keep tables from learning single names by heart.
SETTINGS = {"d": 32, "attention": 16, "hidden": 64, "window": 3, "drop": 0.1,
            "gram_drop": 0.2, "gram_decay": 0.5,
            "grams": [(2, 1024), (3, 4096), (4, 8192)],
            "steps": 4000, "batch": 256, "rate": 4e-3, "decay": 0.02,
            "made": 0.18, "words": 0.1, "drawn": 0.5}


def tokens(names):
    return torch.from_numpy(id_rows(names))


class Attention(nn.Module):
    """One head. Training sets four names side by side: products of small matrices are slow."""

    def __init__(self, d, width):
        super().__init__()
        self.scale = 1 / math.sqrt(width)
        self.query, self.key = nn.Linear(d, width), nn.Linear(d, width)
        self.value, self.out = nn.Linear(d, width), nn.Linear(width, d)

    def forward(self, x, padding):
        n, length, d = x.shape
        side = 4 if self.training and n % 4 == 0 else 1
        hidden = padding.reshape(n // side, 1, side * length)
        if side > 1:
            own = torch.arange(side).repeat_interleave(length)
            hidden = hidden | (own[:, None] != own[None])
        x = x.reshape(n // side, side * length, d)
        score = torch.matmul(self.query(x) * self.scale, self.key(x).transpose(1, 2))
        share = torch.softmax(score.masked_fill(hidden, -1e9), -1)
        return self.out(torch.matmul(share, self.value(x))).reshape(n, length, d)


def gram_rows(ids, size, rows):
    """Which row of its table each byte with those before it has, as HASHEMBED computes it."""
    t, n, h = F.pad(ids + 1, (size - 1, 0)), ids.shape[1], 0
    for k in range(size):
        h = (h + t[..., k:k + n]) * FACTOR % 2**32
    return torch.div(h, 1 << SHIFT, rounding_mode="trunc") % rows


class Encoder(nn.Module):
    """Token ids [N, T], byte + 1 or 0 for padding, to probabilities [N, 3]."""

    def __init__(self, s):
        super().__init__()
        d = s["d"]
        self.grams = s["grams"]
        self.embed = nn.Embedding(BYTES, d)
        nn.init.normal_(self.embed.weight, std=0.5)
        self.tables = nn.ModuleList(nn.Embedding(rows, d) for _, rows in self.grams)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)
        self.conv = nn.Conv1d(d, d, s["window"], padding=s["window"] // 2)
        self.position = nn.Parameter(torch.randn(LONGEST, d) * 0.02)
        self.attention = Attention(d, s["attention"])
        self.up, self.down = nn.Linear(d, s["hidden"]), nn.Linear(s["hidden"], d)
        self.drop, self.gram_drop = encoder.Drop(s["drop"]), s["gram_drop"]
        self.head = nn.Linear(d, len(CLASSES))

    def logits(self, ids, rows=None):
        """rows: what gram_rows() gives for each table, where it is known."""
        padding = ids == 0
        keep = (~padding).to(torch.float32).unsqueeze(-1)
        x = self.embed(ids)
        for i, (size, n) in enumerate(self.grams):
            y = self.tables[i](rows[i] if rows else gram_rows(ids, size, n))
            if self.training and self.gram_drop:
                y = y * (torch.rand(*ids.shape, 1) >= self.gram_drop)
            x = x + y
        x = self.drop(x * keep)
        x = F.relu(self.conv(x.transpose(1, 2))).transpose(1, 2) + self.position[:ids.shape[1]]
        x = x + self.drop(self.attention(x, padding))
        x = x + self.drop(self.down(F.relu(self.up(x))))
        return self.head((x * keep).sum(1) / keep.sum(1))

    def forward(self, ids):
        return torch.softmax(self.logits(ids), -1)


def work(s, n):
    """Multiply-accumulates for a name of n bytes."""
    d, a = s["d"], s["attention"]
    return n * (s["window"] * d * d + 4 * d * a + 2 * d * s["hidden"]) + 2 * n * n * a \
        + d * len(CLASSES)


# ---- training -----------------------------------------------------------

class Mixture:
    """Batches: half real names; the others by kind, each family alike."""

    def __init__(self, names, held, s, seed):
        self.r = np.random.default_rng(seed)
        self.grams = s["grams"]
        self.real = self.table(names.of["benign"]["train"])
        def lists(fs):
            return [self.table(names.of[f]["train"]) for f in fs if f not in held]
        # goz and new_goz are one kind of malware with few names: half each.
        self.random = lists(names.character)
        weight = [0.5 if f in ("goz", "new_goz") else 1 for f in names.character if f not in held]
        self.weight = np.array(weight) / sum(weight)
        self.words = lists(names.words)
        self.made = self.table(dga_make.made(MADE, 1000 + seed, drawn=s["drawn"]))
        self.share = s["made"], s["words"]

    def table(self, names):
        """For each name its ids, then its rows of each table."""
        ids = tokens(names)
        ids = F.pad(ids, (0, LONGEST - ids.shape[1]))
        return torch.cat([ids] + [gram_rows(ids, *g) for g in self.grams], 1).int().numpy()

    def draw(self, table, n):
        return table[self.r.integers(len(table), size=n)]

    def batch(self, n):
        made, words = (int(n * x) for x in self.share)
        random = n - n // 2 - made - words
        rows = [self.draw(self.real, n // 2), self.draw(self.made, made)]
        for tables, count, weight in ((self.random, random, self.weight),
                                      (self.words, words, None)):
            for f, k in enumerate(self.r.multinomial(count, weight if weight is not None else
                                                     np.full(len(tables), 1 / len(tables)))):
                rows.append(self.draw(tables[f], k))
        return np.concatenate(rows), np.repeat([0, 1, 2], [n // 2, made + random, words])

    def halves(self, n):
        """A batch in two parts, shorter and longer names: ids, rows, labels."""
        rows, label = self.batch(n)
        length = (rows[:, :LONGEST] > 0).sum(1)
        order = np.argsort(length, kind="stable")
        for at in (order[:n // 2], order[n // 2:]):
            longest = length[at].max()
            part = torch.from_numpy(rows[at]).split(LONGEST, 1)
            part = [x[:, :longest].contiguous() for x in part]
            yield part[0].long(), part[1:], torch.from_numpy(label[at])


def check_gradient(net, ids):
    """Refuse to train on wrong gradients, which PyTorch 1.13 has where layouts differ."""
    def gradients(net):
        net.zero_grad()
        net.logits(ids)[:, 1].sum().backward()
        return [p.grad.double() for p in net.parameters()]

    p, g, net.drop.p, net.gram_drop = net.drop.p, net.gram_drop, 0, 0
    net.train()
    for a, b in zip(gradients(net), gradients(copy.deepcopy(net).double())):
        if not (a - b).abs().max() <= 1e-3 * (1 + b.abs().max()):
            sys.exit("this PyTorch computes wrong gradients")
    net.drop.p, net.gram_drop = p, g


def train(names, held, s, seed):
    torch.manual_seed(seed)
    net = Encoder(s)
    check_gradient(net, tokens(names.of["benign"]["train"][:128]))
    mixture = Mixture(names, held, s, seed)
    tables = {id(p) for p in net.tables.parameters()}
    opt = torch.optim.AdamW([
        {"params": [p for p in net.parameters() if id(p) not in tables], "weight_decay": s["decay"]},
        {"params": list(net.tables.parameters()), "weight_decay": s["gram_decay"]}],
        s["rate"], betas=(0.9, 0.98))

    def losses():
        for ids, rows, label in mixture.halves(s["batch"]):
            yield F.cross_entropy(net.logits(ids, rows), label, reduction="sum") / s["batch"]

    encoder.optimise(net, opt, s, losses, 500)
    return net


def logits(net, names):
    out = np.zeros((len(names), len(CLASSES)))
    with torch.no_grad():
        for at in chunks(names, 1024):
            out[at] = net.logits(tokens([names[i] for i in at])).double().numpy()
    return out


def calibrate(net, real):
    """Put the threshold at one half."""
    with torch.no_grad():
        net.head.bias -= torch.from_numpy(shift(logits(net, real))).float()


# ---- files --------------------------------------------------------------

def export(net, path, card):
    torch.onnx.export(net, tokens(["inkling-kernel"]), path, opset_version=13,
                      input_names=["ids"], output_names=["probabilities"],
                      dynamic_axes={"ids": {1: "T"}})
    dga_onnx.describe(path, card)
    sample = ["a", "example", "xn--bcher-kva", "kjhqoucnxizdefezeiguontwpn", "z" * LONGEST]
    worst, model = 0.0, dga_onnx.Model(path)
    for name in sample:
        ids = tokens([name])
        for padded in (ids, F.pad(ids, (0, LONGEST - ids.shape[1]))):
            with torch.no_grad():
                want = net(ids).numpy()
            got = model(padded.numpy())
            worst = max(worst, float(np.abs(want - got).max()))
    print(f"{path}: differs from torch by {worst:.1e} at most")
    if not worst < 1e-5:
        sys.exit(f"{path}: isn't what was trained")
    return worst


def write_names(path, names, most):
    """Lines for the compiler: names of the train part, at most so many of each family."""
    with open(path, "w", encoding="ascii") as f:
        for family in sorted(names.of):
            some = names.of[family]["train"]
            some = some[::max(len(some) // (most * (8 if family == "benign" else 1)), 1)]
            f.writelines(name + "\n" for name in some)


def grams(text):
    """Of a command line, such as 2:1024,3:4096."""
    return [tuple(map(int, g.split(":"))) for g in text.split(",") if g]


def card(seed):
    return {"name": "dga", "version": "1.0", "license": "GPL-2.0-only",
            "classes": "|".join(CLASSES), "threshold": "0.5",
            "description": "Real domain names, or those of generation algorithms, from the bytes "
            "of the registrable label alone.",
            "training": f"Lists of dga/, 70 % of the labels by hash; made-up families; seed {seed}."}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", required=True, help="folder that holds dga/")
    p.add_argument("--fold", type=int, help="hold out the families of this fold")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    p.add_argument("--valid", action="store_true", help="don't look at test names")
    p.add_argument("--weights", help="where to write, or with --measure read, the state_dict")
    p.add_argument("--measure", action="store_true", help="train nothing")
    p.add_argument("--json", help="figures")
    p.add_argument("-o", "--output", help="ONNX file")
    p.add_argument("--calibration", help="file of some names of the train part, for the compiler")
    a = p.parse_args()
    torch.set_num_threads(1)
    s = encoder.settings(SETTINGS, a.set, {"grams": grams})
    names = dga_data.Names(a.data)
    held = dga_data.FOLDS[a.fold] if a.fold is not None else ()
    began = time.time()
    if a.measure:
        saved = torch.load(a.weights)
        s, held = saved["settings"], saved["held"]
        net = Encoder(s).eval()
        net.load_state_dict(saved["net"])
    else:
        net = train(names, held, s, a.seed)
        calibrate(net, names.of["benign"]["valid"])
        if a.weights:
            torch.save({"settings": s, "held": held, "net": net.state_dict()}, a.weights)
    def score(some):
        return log_odds(logits(net, some))

    out = {"settings": s, "seed": a.seed, "held": held, "seconds": time.time() - began,
           "work of 16 bytes": work(s, 16), "valid": measure(score, names, held, "valid")}
    out["merit"] = merit(out["valid"])
    show("valid", out["valid"])
    if not a.valid:
        out["test"] = measure(score, names, held, "test")
        show("test", out["test"])
    print(f"merit {out['merit']:.4f}, {work(s, 16)} multiply-accumulates for 16 bytes")
    if a.calibration:
        write_names(a.calibration, names, 200)
    if a.output:
        out["parity"] = export(net, a.output, card(a.seed))
    if a.json:
        with open(a.json, "w", encoding="ascii") as f:
            json.dump(out, f, indent=1)


if __name__ == "__main__":
    main()
